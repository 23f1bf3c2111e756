"""Trains a byte-level BPE vocabulary on a corpus, and serialises any vocabulary. Word vocabularies: word_level.py."""

import json
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers

from tinychat.tokenizer.byte_level import BYTE_OF, ByteLevelTokenizer
from tinychat.tokenizer.chat import CONTROL_TOKENS
from tinychat.tokenizer.vocabulary import Tokenizer

# Qwen2's pre-tokenizer, unchanged: llama.cpp and vLLM know it by name. The space before each text, which the normalizer
# adds, is not part of it.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

MAX_PIECE_CHARACTERS = 1000
N_ASCII = 128
CHAR_OF = {byte: char for char, byte in BYTE_OF.items()}
MAX_CHARACTERS_SHARE = 0.5  # of the tokens besides the bytes: a Chinese corpus has more characters than that


def build_bpe(
    texts: Iterable[str], *, max_size: int, min_frequency: int, slots: Iterable[Collection[str]] | None = None
) -> ByteLevelTokenizer:
    """Byte-level BPE (Sennrich et al., 1508.07909): all 256 bytes, then the characters, then the most frequent pairs,
    each occurring at least `min_frequency` times, up to `max_size` tokens. Nothing is unknown to it.

    Characters come first, so that no token mixes a part of a syllable with something else: merging pairs of bytes
    tokenises a fifth of all names differently in a question and in the answer, and such a name cannot be copied
    (docs/experiments.md). For the same reason a text is cut at the values of `slots`, one collection per text, before
    pairs are learnt, and every text begins with a space: a word is the same token at the start of a text as within it.
    """
    texts = list(texts)
    vocabulary = {token: i for i, token in enumerate((*CONTROL_TOKENS, *sorted(BYTE_OF)))}
    merges: list[tuple[str, str]] = []

    def learn(left: str, right: str, limit: int = max_size) -> None:
        if left + right not in vocabulary and len(vocabulary) < limit:
            vocabulary[left + right] = len(vocabulary)
            merges.append((left, right))

    def learn_characters(limit: int) -> None:
        for parts in map(_as_bytes, characters):
            for n in range(1, len(parts)):
                learn(parts[:n], parts[n], limit)

    characters = _frequent_characters(texts, min_frequency)
    learn_characters(len(vocabulary) + int((max_size - len(vocabulary)) * MAX_CHARACTERS_SHARE))
    whole = {char for char in characters if _as_bytes(char) in vocabulary}
    values = [()] * len(texts) if slots is None else slots
    pieces = (piece for text, cut in zip(texts, values, strict=True) for piece in _pieces(text, cut, whole))
    for left, right in _frequent_pairs(pieces, len(whole) + N_ASCII + max_size - len(vocabulary), min_frequency):
        learn(_as_bytes(left), _as_bytes(right))
    learn_characters(max_size)  # if there were too few pairs
    backend = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
    backend.normalizer = normalizers.Prepend(" ")
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL_TOKENS])
    return ByteLevelTokenizer(backend)


def _frequent_characters(texts: Iterable[str], min_frequency: int) -> list[str]:
    """Characters of more than one byte, the most frequent first."""
    counts = Counter(char for text in texts for char in text if not char.isascii())
    return [char for char, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n >= min_frequency]


def _pieces(text: str, values: Collection[str], whole: Container[str]) -> Iterator[str]:
    """The text that pairs are learnt on: without these values, and without characters that are not tokens."""
    for value in values:
        text = text.replace(value, "\n")
    text = " " + "".join(char if char.isascii() or char in whole else "\n" for char in text)
    # Training time is quadratic in the longest run without a break: a cell of 300,000 letters would take an hour.
    return (text[i : i + MAX_PIECE_CHARACTERS] for i in range(0, len(text), MAX_PIECE_CHARACTERS))


def _frequent_pairs(pieces: Iterable[str], size: int, min_frequency: int) -> Iterator[tuple[str, str]]:
    """The merges, in order, until there are `size` tokens."""
    learner = tokenizers.Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated")
    trainer = trainers.BpeTrainer(vocab_size=max(size, 0), min_frequency=min_frequency, show_progress=False)
    learner.train_from_iterator(pieces, trainer)
    yield from json.loads(learner.to_str())["model"]["merges"]


def _as_bytes(text: str) -> str:
    """`text` in the byte-level alphabet: a character for each byte of its UTF-8."""
    return "".join(CHAR_OF[byte] for byte in text.encode("utf-8"))


def to_json_text(tokenizer: Tokenizer) -> str:
    """The content of `tokenizer.json`."""
    return str(tokenizer.backend.to_str(pretty=True)) + "\n"


def count_tokens(tokenizer: Tokenizer, texts: list[str]) -> list[int]:
    """How often each token of the vocabulary occurs in `texts`."""
    counts = Counter(i for ids in tokenizer.encode_batch(texts) for i in ids)
    return [counts[i] for i in range(tokenizer.size)]
