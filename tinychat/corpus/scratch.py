"""Arrays in files without a name, so that what is known of each dialogue takes disk and no memory of the process.

The files are mapped and shared, so the system may write what was changed to the disk, drop it from memory, and read it
again. They end with the process, however it ends. Whoever goes through such an array does so in parts: what numpy
makes of the whole of it would be in memory.
"""

import errno
import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinychat.files import temporary_file

SMALL = 1 << 20  # bytes: a smaller array is in memory, as there are no more than some dozens of them
AT_ONCE = 1 << 17  # elements of a part
ZEROS = 1 << 20  # bytes


class Scratch:
    """Makes arrays whose files lie in one folder; None: the system's for temporary files, which may be in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def file(self, owner: object) -> IO[bytes]:
        """A new file without a name, closed at the latest when its owner is gone. What is mapped stays."""
        return temporary_file(owner, self._folder)

    def zeros(self, shape: int | tuple[int, int], dtype: DTypeLike) -> NDArray[Any]:
        """An array of zeros, or of False."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size <= SMALL:
            return np.zeros(shape, dtype)
        with TemporaryFile(dir=self._folder) as file:  # the map keeps it
            return mapped(file, size).view(dtype).reshape(shape)

    def full(self, n: int, value: int | np.uint64, dtype: DTypeLike) -> NDArray[Any]:
        """An array of one value."""
        found = self.zeros(n, dtype)
        found[:] = value
        return found


class Growing:
    """An array to whose end values are added."""

    def __init__(self, dtype: DTypeLike, scratch: Scratch) -> None:
        self._scratch = scratch
        self._file: IO[bytes] | None = None
        self._room: NDArray[Any] = np.empty(0, dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def array(self) -> NDArray[Any]:
        """All values so far. What is written to it stays."""
        return self._room[: self._count]

    def extend(self, values: NDArray[Any]) -> None:
        """Add values to the end."""
        count = self._count + len(values)
        if count > len(self._room):
            self._grow(max(count, self._count + self._count // 4, 64))
        self._room[self._count : count] = values
        self._count = count

    def _grow(self, room: int) -> None:
        dtype = self._room.dtype
        if room * dtype.itemsize <= SMALL:
            grown = np.empty(room, dtype)
            grown[: self._count] = self.array
        else:
            new = self._file is None
            self._file = self._file or self._scratch.file(self)
            grown = mapped(self._file, room * dtype.itemsize).view(dtype)
            if new:
                grown[: self._count] = self.array
        self._room = grown


def mapped(file: IO[bytes], size: int) -> NDArray[np.uint8]:
    """The first `size` bytes of a file, which is made as large; it may be mapped already.

    Raises OSError where the disk has no room for it. In a mapped file that would end the process.
    """
    _reserve(file, size)
    return np.frombuffer(mmap.mmap(file.fileno(), size), np.uint8)


def _reserve(file: IO[bytes], size: int) -> None:
    if hasattr(os, "posix_fallocate"):  # not on macOS, nor on Windows
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
    end = file.seek(0, os.SEEK_END)
    while end < size:
        end += file.write(bytes(min(ZEROS, size - end)))
    file.flush()


def parts_of(n: int) -> Iterator[slice]:
    """The indices of `n` elements, AT_ONCE at a time."""
    for begin in range(0, n, AT_ONCE):
        yield slice(begin, min(begin + AT_ONCE, n))


def numbers_in(part: slice) -> NDArray[np.int64]:
    """The indices of a part."""
    return np.arange(part.start, part.stop)


def count_values(values: Iterable[NDArray[Any]], n: int, scratch: Scratch) -> NDArray[np.int64]:
    """How often each number below `n` occurs in all of these parts."""
    counts = scratch.zeros(n, np.int64)
    for part in values:
        np.add.at(counts, part, 1)
    return counts


def distinct_in_place(values: NDArray[Any]) -> NDArray[Any]:
    """The different values in ascending order; they are sorted where they stand, and moved to the front."""
    values.sort()
    end = 0
    for part in parts_of(len(values)):
        some = values[part]
        new = np.concatenate([[end == 0 or some[0] != values[end - 1]], some[1:] != some[:-1]])
        kept = some[new]
        values[end : end + len(kept)] = kept
        end += len(kept)
    return values[:end]


def are_in(ascending: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each of a few values is among many, which ascend."""
    if not len(ascending):
        return np.zeros(len(values), bool)
    place = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return np.asarray(ascending[place] == values, bool)
