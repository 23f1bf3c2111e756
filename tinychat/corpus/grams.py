"""Sets of character 3-grams of many texts at once, and their Jaccard index, as numpy arrays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.scratch import Scratch, parts_of

GRAM = 3
# Work is done on so many characters at once, or on one text, which may be longer.
BLOCK_CHARACTERS = 1 << 16
# Pairs whose grams are compared at once: their number has 16 bits, beside 47 of a gram's hash and one for the side.
MAX_PAIRS = 1 << 12
TEXTS_AT_ONCE = 1 << 11  # picked out of a mapped file: the system reads up to 64 KB for each
PAIR_SHIFT, HASH_SHIFT = np.uint64(48), np.uint64(17)
SKETCH_WORDS = 2  # of 64 bits
MULTIPLIERS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)  # odd: the product has an inverse

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Lengths = NDArray[np.int32]


def _keep() -> None:
    """What is in memory stays there."""


@dataclass(frozen=True)
class Texts:
    """Texts in one array, in ascending order, perhaps with others between them.

    codes    the code points of all; a text of fewer than three is filled up with NUL, so that it is one gram
    begins   where each begins
    lengths  how many code points each has, at least three
    release  where `codes` is a mapped file: takes what was read of it out of this process's memory
    """

    codes: NDArray[np.uint32]
    begins: Integers
    lengths: Lengths
    release: Callable[[], None] = field(default=_keep, compare=False)

    def __len__(self) -> int:
        return len(self.begins)

    def choose(self, which: Integers, scratch: Scratch) -> "Texts":
        """Those of these indices, which ascend."""
        begins, lengths = scratch.zeros(len(which), np.int64), scratch.zeros(len(which), np.int32)
        for part in parts_of(len(which)):
            begins[part], lengths[part] = self.begins[which[part]], self.lengths[which[part]]
        return Texts(self.codes, begins, lengths, self.release)

    def gram_counts(self, texts: Integers) -> Lengths:
        """How many grams each of these has, equal ones counted each time."""
        return self.lengths[texts] - np.int32(GRAM - 1)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Consecutive texts (begin, end) of about BLOCK_CHARACTERS each."""
        begin = 0
        while begin < len(self):
            limit = self.begins[begin] + BLOCK_CHARACTERS
            end = int(np.searchsorted(self.begins, limit, side="right"))
            if self.begins[end - 1] + self.lengths[end - 1] > limit:
                end -= 1
            end = max(end, begin + 1)
            yield begin, end
            begin = end

    def gram_hashes(self, begin: int, end: int) -> tuple[Hashes, Integers]:
        """The hashes of all grams of consecutive texts, one text after another, and where those of each begin."""
        lengths = self.lengths[begin:end]
        first, last = self.begins[begin], self.begins[end - 1] + lengths[-1]
        if last - first != lengths.sum():
            return self.gram_hashes_of(np.arange(begin, end))
        hashes = _gram_hashes(self.codes[first:last], lengths)
        self.release()
        return hashes, _starts(lengths)

    def gram_hashes_of(self, texts: Integers) -> tuple[Hashes, Integers]:
        """The same for any texts, by their indices."""
        lengths = self.lengths[texts]
        return _gram_hashes(self._codes_of(texts), lengths), _starts(lengths)

    def _codes_of(self, texts: Integers) -> NDArray[np.uint32]:
        parts = [self.codes[:0]]
        for begin in range(0, len(texts), TEXTS_AT_ONCE):
            some = texts[begin : begin + TEXTS_AT_ONCE]
            parts.append(self.codes[expanded(self.begins[some], self.lengths[some])])
            self.release()
        return np.concatenate(parts)


def sketches_of(hashes: Hashes, starts: Integers) -> Hashes:
    """Of texts whose grams begin at `starts`: the bits that their grams set, (texts, SKETCH_WORDS)."""
    place = hashes >> np.uint64(20) & np.uint64(64 * SKETCH_WORDS - 1)
    word, bit = place >> np.uint64(6), np.uint64(1) << (place & np.uint64(63))
    words = [np.bitwise_or.reduceat(np.where(word == n, bit, np.uint64(0)), starts) for n in range(SKETCH_WORDS)]
    return np.stack(words, axis=1)


def highest_jaccard(grams: Lengths, first: Hashes, second: Hashes) -> NDArray[np.float64]:
    """What the Jaccard index of pairs of texts can be at most, by their sketches.

    `grams`: how many both have together. Each bit that differs is of a gram that one of them has alone.
    """
    differ = np.bitwise_count(first ^ second).sum(axis=1, dtype=np.int32)
    return np.asarray((grams - differ) / (grams + differ), np.float64)


def texts_of(texts: Sequence[str]) -> Texts:
    """Texts in memory."""
    codes, lengths = encode_texts(texts)
    return Texts(codes, begins_of(lengths), lengths)


def begins_of(lengths: Lengths) -> Integers:
    """Where each text begins, if they stand one after another."""
    begins = np.cumsum(lengths, dtype=np.int64)
    begins -= lengths
    return begins


def encode_texts(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Lengths]:
    """The code points of all texts, each filled up to GRAM, and how many each has."""
    filled = [text if len(text) >= GRAM else text.ljust(GRAM, "\0") for text in texts]
    codes = np.frombuffer("".join(filled).encode("utf-32-le"), np.uint32)
    return codes, np.fromiter(map(len, filled), np.int32, len(filled))


def expanded(begins: Integers, lengths: Integers | Lengths) -> Integers:
    """The indices of all elements of ranges, one range after another."""
    ends = np.cumsum(lengths, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(begins - (ends - lengths), lengths)


def jaccard_of(texts: Texts, first: Integers, second: Integers) -> NDArray[np.float64]:
    """The Jaccard index of the gram sets of pairs of texts: grams in both / grams in either.

    Exact but for a collision of 47 bits of the hashes of a pair's grams, about one in 10^12 pairs.
    """
    found = np.empty(len(first))
    size = np.cumsum(texts.lengths[first] + texts.lengths[second], dtype=np.int64)
    begin = 0
    while begin < len(first):
        before = size[begin - 1] if begin else 0
        end = int(np.searchsorted(size, before + MAX_PAIRS * 64, side="right"))
        end = min(max(end, begin + 1), begin + MAX_PAIRS)
        found[begin:end] = _jaccard(texts, first[begin:end], second[begin:end])
        begin = end
    return found


def _jaccard(texts: Texts, first: Integers, second: Integers) -> NDArray[np.float64]:
    """Sorts (pair, gram, side): a gram of both texts stands twice in a row, and differs in its last bit only."""
    pairs = len(first)
    both = np.concatenate([first, second])
    hashes, _ = texts.gram_hashes_of(both)
    pair = np.arange(pairs, dtype=np.uint64) << PAIR_SHIFT
    tags = np.repeat(np.concatenate([pair, pair | np.uint64(1)]), texts.gram_counts(both))
    keys = (hashes >> HASH_SHIFT << np.uint64(1)) | tags
    keys.sort()
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    of_pair = (keys >> PAIR_SHIFT).astype(np.int64)
    keys |= np.uint64(1)
    shared = np.bincount(of_pair[1:][keys[1:] == keys[:-1]], minlength=pairs)
    in_either = np.bincount(of_pair, minlength=pairs) - shared
    return np.asarray(shared / in_either, np.float64)


def _starts(lengths: Lengths) -> Integers:
    return begins_of(lengths - np.int32(GRAM - 1))


def _gram_hashes(codes: NDArray[np.uint32], lengths: Lengths) -> Hashes:
    """Of consecutive texts: a 64-bit hash of each gram, different for different grams."""
    ends = np.cumsum(lengths, dtype=np.int64)
    wide = codes.astype(np.uint64)  # a code point has 21 bits
    grams = wide[:-2] << np.uint64(42) | wide[1:-1] << np.uint64(21) | wide[2:]
    inside = np.ones(len(codes), bool)
    inside[ends - 1] = inside[ends - 2] = False  # a gram that began there would reach into the next text
    hashes = grams[inside[:-2]] * MULTIPLIERS[0]
    hashes ^= hashes >> np.uint64(32)
    hashes *= MULTIPLIERS[1]
    return hashes
