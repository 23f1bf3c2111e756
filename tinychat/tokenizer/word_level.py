"""The article's vocabulary, all of it: what stands between spaces. A word that it does not know is `<unk>`."""

from collections import Counter
from collections.abc import Iterable, Sequence

import tokenizers
from tokenizers import AddedToken, models, pre_tokenizers

from tinychat.errors import InputError, Phrase
from tinychat.tokenizer.chat import CONTROL_TOKENS
from tinychat.tokenizer.vocabulary import Tokenizer

UNK = "<unk>"
SPECIAL_TOKENS = (*CONTROL_TOKENS, UNK)


class WordLevelTokenizer(Tokenizer):
    """Words to token ids and back."""

    def __init__(self, engine: tokenizers.Tokenizer) -> None:
        super().__init__(engine)
        unk_id = engine.token_to_id(UNK)
        self.unknown_ids = frozenset(() if unk_id is None else (unk_id,))  # none: `fault` refuses such a file

    @property
    def unk_id(self) -> int:
        """The id of `<unk>`."""
        (unk_id,) = self.unknown_ids
        return unk_id

    def bytes_of(self, vocab_size: int) -> None:
        """None: a token is a whole word."""

    def fault(self) -> str | None:
        if fault := super().fault():
            return fault
        if not self.unknown_ids or self.engine.model.unk_token != UNK:
            return Phrase("it has no {token} for the words that it does not know", token=UNK)
        return None

    def _text_ids(self, ids: Sequence[int]) -> list[int]:
        # The vocabulary holds the control tokens as entries, so the engine finds a typed `<eos>`.
        return [self.unk_id if i in self.control_ids else i for i in ids]

    def _shown(self, token: str) -> str:
        return token


def build_words(texts: Iterable[str], *, max_size: int, min_frequency: int) -> WordLevelTokenizer:
    """The words that occur `min_frequency` times, most frequent first, up to `max_size` tokens; the rest is `<unk>`.

    Words of equal frequency stand in the order of their first appearance. Raises InputError where none is left.
    """
    counts = Counter(word for text in texts for word in text.split())
    words = [w for w, n in counts.most_common() if n >= min_frequency and w not in SPECIAL_TOKENS]
    if not words:
        raise InputError(
            "no word occurs {times} times in the training dialogues; lower vocab.min_frequency in params.yaml",
            times=min_frequency,
        )
    vocabulary = {token: i for i, token in enumerate((*SPECIAL_TOKENS, *words)) if i < max_size}
    engine = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=UNK))
    engine.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    engine.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return WordLevelTokenizer(engine)
