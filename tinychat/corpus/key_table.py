"""A set of 64-bit keys that numbers them, in about 20 bytes each: a Python dict takes over 100."""

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Indices = NDArray[np.int64]

FIRST_SLOTS = 1 << 10
EMPTY = -1
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class KeyTable:
    """Keys in the order in which they were added, found by a hash table with linear probing."""

    def __init__(self) -> None:
        self._keys = np.empty(FIRST_SLOTS // 2, np.uint64)
        self._count = 0
        self._slots = np.full(FIRST_SLOTS, EMPTY, np.int32)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> Keys:
        """All keys, by their numbers."""
        return self._keys[: self._count]

    def add(self, keys: Keys) -> tuple[Indices, NDArray[np.bool_]]:
        """The number of each key, and whether it is new: neither known before nor earlier among these keys."""
        distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        numbers = self._find(distinct)
        new = np.nonzero(numbers == EMPTY)[0]
        new = new[np.argsort(first[new])]
        numbers[new] = np.arange(self._count, self._count + len(new))
        self._append(distinct[new])
        is_new = np.zeros(len(keys), bool)
        is_new[first[new]] = True
        return numbers[inverse], is_new

    def known(self, keys: Keys) -> NDArray[np.bool_]:
        """Whether each key was added."""
        return self._find(keys) != EMPTY

    def _find(self, keys: Keys) -> Indices:
        """The number of each key, EMPTY where it is not in the table."""
        numbers = np.full(len(keys), EMPTY, np.int64)
        open_, slots = np.arange(len(keys)), self._home(keys)
        while len(open_):
            found = self._slots[slots]
            used = found != EMPTY
            open_, slots, found = open_[used], slots[used], found[used]
            hit = self._keys[found] == keys[open_]
            numbers[open_[hit]] = found[hit]
            open_, slots = open_[~hit], self._next(slots[~hit])
        return numbers

    def _append(self, keys: Keys) -> None:
        count = self._count + len(keys)
        if count > len(self._keys):
            grown = np.empty(max(count, 2 * len(self._keys)), np.uint64)
            grown[: self._count] = self.keys
            self._keys = grown
        self._keys[self._count : count] = keys
        self._count = count
        if 2 * count > len(self._slots):
            slots = len(self._slots)
            while slots < 2 * count:
                slots *= 2
            self._slots = np.full(slots, EMPTY, np.int32)
            self._insert(0)
        else:
            self._insert(count - len(keys))

    def _insert(self, begin: int) -> None:
        """Give the keys from number `begin` on a slot each, many at a time."""
        step = 1 << 16
        for first in range(begin, self._count, step):
            numbers = np.arange(first, min(first + step, self._count), dtype=np.int32)
            slots = self._home(self._keys[numbers])
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
