"""Building a vocabulary from a corpus: words as in the article, or byte-level BPE."""

from collections import Counter
from collections.abc import Iterable

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers

from tinychat.errors import InputError
from tinychat.tokenizer.chat import CONTROL_TOKENS, UNK
from tinychat.tokenizer.vocabulary import Tokenizer

# Qwen2's pre-tokenizer, kept to the letter: llama.cpp and vLLM know it by name.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

LONGEST_PIECE = 1000  # characters


def build_bpe(texts: Iterable[str], *, max_size: int, min_frequency: int) -> Tokenizer:
    """Byte-level BPE (Sennrich et al., 1508.07909): all 256 bytes, then the most frequent pairs that occur
    `min_frequency` times, up to `max_size` tokens. Nothing is unknown to it.
    """
    engine = tokenizers.Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=max_size,
        min_frequency=min_frequency,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in CONTROL_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # Learning takes the square of the longest run without a break: a cell of 300,000 letters would take an hour.
    pieces = (text[i : i + LONGEST_PIECE] for text in texts for i in range(0, len(text), LONGEST_PIECE))
    engine.train_from_iterator(pieces, trainer)
    return Tokenizer(engine)


def build_words(texts: Iterable[str], *, max_size: int, min_frequency: int) -> Tokenizer:
    """The article's vocabulary: what stands between spaces, most frequent first; the rest is `<unk>`.

    Words of equal frequency stand in the order of their first appearance. Raises InputError where none is left.
    """
    counts = Counter(word for text in texts for word in text.split())
    specials = (*CONTROL_TOKENS, UNK)
    words = [w for w, n in counts.most_common() if n >= min_frequency and w not in specials]
    if not words:
        raise InputError(
            f"no word occurs {min_frequency} times in the training dialogues; lower vocab.min_frequency in params.yaml"
        )
    vocabulary = {token: i for i, token in enumerate((*specials, *words)) if i < max_size}
    engine = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=UNK))
    engine.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    engine.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    return Tokenizer(engine)


def to_json_text(tokenizer: Tokenizer) -> str:
    """The content of `tokenizer.json`."""
    return str(tokenizer.engine.to_str(pretty=True)) + "\n"


def count_tokens(tokenizer: Tokenizer, texts: list[str]) -> list[int]:
    """How often each token of the vocabulary occurs in `texts`."""
    counts = Counter(i for ids in tokenizer.encode_batch(texts) for i in ids)
    return [counts[i] for i in range(tokenizer.size)]
