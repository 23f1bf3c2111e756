"""Connected components: which things belong together, of pairs that do."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.scratch import Scratch

Indices = NDArray[np.int64]
Numbers = NDArray[np.int32] | NDArray[np.int64]
MEMBERS_AT_ONCE = 1 << 16


class Components:
    """Union-find over the numbers 0 to n - 1, for many pairs at a time."""

    def __init__(self, n: int, scratch: Scratch) -> None:
        self._parent: Numbers = scratch.zeros(n, np.int32 if n < 2**31 else np.int64)
        for members in self._parts():
            self._parent[members] = members

    def _parts(self) -> Iterator[Indices]:
        for begin in range(0, len(self._parent), MEMBERS_AT_ONCE):
            yield np.arange(begin, min(begin + MEMBERS_AT_ONCE, len(self._parent)))

    def of(self, members: Indices) -> Indices:
        """The smallest number of the component of each member."""
        found = self._parent[members]
        while True:
            above = self._parent[found]
            if np.array_equal(above, found):
                return found.astype(np.int64)
            found = self._parent[above]

    def all(self) -> Numbers:
        """The smallest number of the component of each number, until others are joined; no copy."""
        for members in self._parts():
            self._parent[members] = self.of(members)
        return self._parent

    def join(self, first: Indices, second: Indices) -> None:
        """Join the components of each pair."""
        while len(first):
            first, second = self.of(first), self.of(second)
            apart = first != second
            first, second = first[apart], second[apart]
            # A root goes below the smallest of the roots that it is to be joined with; the others take another round.
            np.minimum.at(self._parent, np.maximum(first, second), np.minimum(first, second).astype(self._parent.dtype))
