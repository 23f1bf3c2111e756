"""Connected components: which things belong together, of pairs that do."""

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.scratch import Scratch, numbers_in, parts_of

Indices = NDArray[np.int64]
Numbers = NDArray[np.int32] | NDArray[np.int64]


class Components:
    """Union-find over the numbers 0 to n - 1, for many pairs at a time."""

    def __init__(self, n: int, scratch: Scratch) -> None:
        self._parent: Numbers = scratch.zeros(n, np.int32 if n < 2**31 else np.int64)
        for part in parts_of(n):
            self._parent[part] = numbers_in(part)

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
        for part in parts_of(len(self._parent)):
            self._parent[part] = self.of(numbers_in(part))
        return self._parent

    def join(self, first: Indices, second: Indices) -> None:
        """Join the components of each pair."""
        while len(first):
            first, second = self.of(first), self.of(second)
            apart = first != second
            first, second = first[apart], second[apart]
            # A root goes below the smallest of the roots that it is to be joined with; the others take another round.
            np.minimum.at(self._parent, np.maximum(first, second), np.minimum(first, second).astype(self._parent.dtype))
