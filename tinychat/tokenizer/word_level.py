"""The article's word vocabulary: words are separated by spaces, an unknown one is `<unk>`."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence

import tokenizers
from tokenizers import AddedToken, models, pre_tokenizers

from tinychat.errors import InputError, Phrase
from tinychat.tokenizer.chat import CONTROL_TOKENS
from tinychat.tokenizer.vocabulary import Tokenizer
from tinychat.tokenizer.words import CountedWord

UNK = "<unk>"
SPECIAL_TOKENS = (*CONTROL_TOKENS, UNK)
PRE_TOKENIZER = pre_tokenizers.WhitespaceSplit()


class WordLevelTokenizer(Tokenizer):
    """Words to token ids and back."""

    divided_by = (None, PRE_TOKENIZER)

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        super().__init__(backend)
        unk_id = backend.token_to_id(UNK)
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
        if not self.unknown_ids or self.backend.model.unk_token != UNK:
            return Phrase("it has no {token} for unknown words", token=UNK)
        return None

    def _text_ids(self, ids: Sequence[int]) -> list[int]:
        # The vocabulary has the control tokens as entries, so the library finds a typed `<eos>`.
        return [self.unk_id if i in self.control_ids else i for i in ids]

    def _shown(self, token: str) -> str:
        return token


def build_words(texts: Iterable[str], *, max_size: int, min_frequency: int) -> WordLevelTokenizer:
    """`words_from_counts` of texts in memory."""
    counts = Counter(word for text in texts for word in text.split())
    words = (CountedWord(word, count, first) for first, (word, count) in enumerate(counts.items()))
    return words_from_counts(words, max_size=max_size, min_frequency=min_frequency)


def words_from_counts(words: Iterable[CountedWord], *, max_size: int, min_frequency: int) -> WordLevelTokenizer:
    """The words that occur `min_frequency` times, most frequent first, up to `max_size` tokens; the rest is `<unk>`.

    Words of equal frequency are in the order of their first appearance. Raises InputError where none is left.
    """
    frequent = (word for word in words if word.times >= min_frequency and word.word not in SPECIAL_TOKENS)
    chosen = heapq.nsmallest(max_size, frequent, key=lambda word: (-word.times, word.first))
    if not chosen:
        raise InputError(
            "no word occurs {times} times in the training dialogues; lower vocab.min_frequency in params.yaml",
            times=min_frequency,
        )
    tokens = (*SPECIAL_TOKENS, *(word.word for word in chosen))[:max_size]
    backend = tokenizers.Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=UNK))
    backend.pre_tokenizer = PRE_TOKENIZER
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return WordLevelTokenizer(backend)
