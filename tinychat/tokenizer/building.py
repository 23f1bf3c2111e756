"""Trains a byte-level BPE vocabulary on a corpus, and serialises any vocabulary. Word vocabularies: word_level.py."""

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import islice

import numpy as np
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers

from tinychat.tokenizer.byte_level import BYTE_OF, NORMALIZER, PRE_TOKENIZER, QWEN2_SPLIT, ByteLevelTokenizer
from tinychat.tokenizer.chat import CONTROL_TOKENS
from tinychat.tokenizer.flat_encoding import FlatEncoder
from tinychat.tokenizer.merges import learn_merges
from tinychat.tokenizer.vocabulary import Tokenizer
from tinychat.tokenizer.word_counts import TextCounts, counts_of
from tinychat.tokenizer.words import CountedWord

MAX_PIECE_CHARACTERS = 1000
WORDS_AT_ONCE = 10_000  # that are encoded
N_ASCII = 128
CHAR_OF = {byte: char for char, byte in BYTE_OF.items()}
MAX_CHARACTERS_SHARE = 0.5  # of the tokens besides the bytes: a Chinese corpus has more characters than that


def build_bpe(
    texts: Iterable[str], *, max_size: int, min_frequency: int, slots: Iterable[Collection[str]] | None = None
) -> ByteLevelTokenizer:
    """`bpe_from_counts` of texts in memory; `slots`: the values of the slots of each."""
    return bpe_from_counts(counts_of(texts, slots), max_size=max_size, min_frequency=min_frequency)


def bpe_from_counts(counts: TextCounts, *, max_size: int, min_frequency: int) -> ByteLevelTokenizer:
    """Byte-level BPE (Sennrich et al., 1508.07909): all 256 bytes, then the characters, then the most frequent pairs,
    each occurring at least `min_frequency` times, up to `max_size` tokens. Nothing is unknown to it.

    Characters come first, so that no token mixes a part of a syllable with something else: merging pairs of bytes
    tokenises a fifth of all names differently in a question and in the answer, and such a name cannot be copied
    (docs/experiments.md). For the same reason pairs are learnt on the texts without the values of their slots, and each
    text begins with a space: a word is the same token at the start of a text as within it.
    """
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

    characters = _frequent_characters(counts.words, min_frequency)
    learn_characters(len(vocabulary) + int((max_size - len(vocabulary)) * MAX_CHARACTERS_SHARE))
    whole = {char for char in characters if _as_bytes(char) in vocabulary}
    size = len(whole) + N_ASCII + max_size - len(vocabulary)
    for left, right in learn_merges(_pieces(counts, whole), size, min_frequency):
        learn(_as_bytes(left), _as_bytes(right))
    learn_characters(max_size)  # if there were too few pairs
    backend = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
    backend.normalizer = NORMALIZER
    backend.pre_tokenizer = PRE_TOKENIZER
    backend.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL_TOKENS])
    return ByteLevelTokenizer(backend)


def _frequent_characters(words: Iterable[CountedWord], min_frequency: int) -> list[str]:
    """Characters of more than one byte, the most frequent first."""
    counts: Counter[str] = Counter()
    for word, count, _ in words:
        if not word.isascii():
            for char in word:
                counts[char] += count
    frequent = ((char, n) for char, n in counts.items() if n >= min_frequency and not char.isascii())
    return [char for char, n in sorted(frequent, key=lambda item: (-item[1], item[0]))]


def _pieces(counts: TextCounts, whole: Collection[str]) -> Counter[str]:
    """What the pre-tokenizer makes of the texts that pairs are learnt on, counted.

    They are without the values of slots, and without characters that are not tokens; and without rare words where there
    are more than can be in memory (`TextCounts.least_count`).
    """
    least = counts.least_count()
    split = pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated")
    learnt = {*whole, *map(chr, range(N_ASCII))}
    pieces: Counter[str] = Counter()
    for word, count in counts.without_values():
        if count < least:
            continue
        if word.isalpha() and learnt.issuperset(word) and len(word) < MAX_PIECE_CHARACTERS:
            pieces[f" {word}"] += count  # as the pre-tokenizer has it: a run of letters with the space before them
            continue
        text = " " + "".join(char if char in learnt else "\n" for char in word)
        # Merging takes time quadratic in the longest run without a break: a cell of 300,000 letters would take an hour.
        for start in range(0, len(text), MAX_PIECE_CHARACTERS):
            for piece, _ in split.pre_tokenize_str(text[start : start + MAX_PIECE_CHARACTERS]):
                pieces[piece] += count
    return pieces


def _as_bytes(text: str) -> str:
    """`text` in the byte-level alphabet: a character for each byte of its UTF-8."""
    return "".join(CHAR_OF[byte] for byte in text.encode("utf-8"))


def to_json_text(tokenizer: Tokenizer) -> str:
    """The content of `tokenizer.json`."""
    return str(tokenizer.backend.to_str(pretty=True)) + "\n"


def count_tokens(tokenizer: Tokenizer, words: Iterable[CountedWord]) -> list[int]:
    """How often each token of the vocabulary occurs in the texts of these words."""
    counts, words, encoder = np.zeros(tokenizer.size, dtype=np.int64), iter(words), FlatEncoder(tokenizer)
    while batch := list(islice(words, WORDS_AT_ONCE)):
        ids, lengths = encoder.encode([word.word for word in batch]).tokens(np.arange(len(batch)))
        times = np.repeat([word.times for word in batch], lengths)  # of each token of `ids`
        counts += np.bincount(ids, times, tokenizer.size).astype(np.int64)  # floats, exact up to 2^53
    return counts.tolist()
