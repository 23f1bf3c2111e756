"""A set of 64-bit keys that numbers them, in about 20 bytes each, which lie in files: a Python dict takes over 100."""

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.scratch import Growing, Scratch

Keys = NDArray[np.uint64]
Indices = NDArray[np.int64]

FIRST_SLOTS = 1 << 10
EMPTY = -1
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class KeyTable:
    """Keys in the order in which they were added, found by a hash table with linear probing."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._keys = Growing(np.uint64, scratch)
        self._slots: NDArray[np.int32] = scratch.full(FIRST_SLOTS, EMPTY, np.int32)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> Keys:
        """All keys, by their numbers."""
        return self._keys.array

    def add(self, keys: Keys) -> tuple[Indices, NDArray[np.bool_]]:
        """The number of each key, and whether it is new: neither known before nor earlier among these keys."""
        distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        numbers = self._find(distinct)
        new = np.nonzero(numbers == EMPTY)[0]
        new = new[np.argsort(first[new])]
        numbers[new] = np.arange(len(self), len(self) + len(new))
        self._append(distinct[new])
        is_new = np.zeros(len(keys), bool)
        is_new[first[new]] = True
        return numbers[inverse], is_new

    def known(self, keys: Keys) -> NDArray[np.bool_]:
        """Whether each key was added."""
        return self._find(keys) != EMPTY

    def _find(self, keys: Keys) -> Indices:
        """The number of each key, EMPTY where it is not in the table."""
        numbers, known = np.full(len(keys), EMPTY, np.int64), self.keys
        open_, slots = np.arange(len(keys)), self._home(keys)
        while len(open_):
            found = self._slots[slots]
            used = found != EMPTY
            open_, slots, found = open_[used], slots[used], found[used]
            hit = known[found] == keys[open_]
            numbers[open_[hit]] = found[hit]
            open_, slots = open_[~hit], self._next(slots[~hit])
        return numbers

    def _append(self, keys: Keys) -> None:
        begin = len(self)
        self._keys.extend(keys)
        slots = len(self._slots)
        while slots < 2 * len(self):
            slots *= 2
        if slots > len(self._slots):
            self._slots = self._scratch.full(slots, EMPTY, np.int32)
            begin = 0
        self._insert(begin)

    def _insert(self, begin: int) -> None:
        """Give the keys from number `begin` on a slot each, many at a time."""
        step, keys = 1 << 16, self.keys
        for first in range(begin, len(keys), step):
            numbers = np.arange(first, min(first + step, len(keys)), dtype=np.int32)
            slots = self._home(keys[numbers])
            while len(numbers):
                free = self._slots[slots] == EMPTY
                self._slots[slots[free]] = numbers[free]  # of several numbers for one slot one is written
                left = self._slots[slots] != numbers
                numbers, slots = numbers[left], self._next(slots[left])

    def _home(self, keys: Keys) -> Indices:
        bits = len(self._slots).bit_length() - 1
        return (keys * MULTIPLIER >> np.uint64(64 - bits)).astype(np.int64)

    def _next(self, slots: Indices) -> Indices:
        return slots + 1 & len(self._slots) - 1
