"""Writes token arrays part by part, so that a split need not be in memory."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from tinychat.batches.prepared import PreparedSplit, split_files, token_type


class SplitWriter:
    """Writes the arrays of one split into `folder`, part by part; within a context, which completes the files."""

    def __init__(self, folder: Path, name: str, vocab_size: int) -> None:
        self._types = {"tokens": token_type(vocab_size), "loss_mask": np.bool_, "offsets": np.int64}
        self._counts = dict.fromkeys(self._types, 0)
        self._end = 0  # of the last dialogue
        # Not np.save: on a full disk its error is "784 requested and 0 written", without the reason.
        self._files: dict[str, IO[bytes]] = {}
        self._open = ExitStack()
        for field, path in split_files(folder, name).items():
            self._files[field] = self._open.enter_context(path.open("wb"))
            self._write_header(field)
        self._append("offsets", np.zeros(1, dtype=np.int64))

    def add(self, part: PreparedSplit) -> None:
        """Append the dialogues of a part."""
        self._append("tokens", part.tokens)
        self._append("loss_mask", part.loss_mask)
        self._append("offsets", part.offsets[1:] + self._end)
        self._end += int(part.offsets[-1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            for field, file in self._files.items():
                file.seek(0)
                self._write_header(field)

    def _append(self, field: str, array: npt.NDArray[Any]) -> None:
        self._files[field].write(np.ascontiguousarray(array, dtype=self._types[field]).data)
        self._counts[field] += len(array)

    def _write_header(self, field: str) -> None:
        """numpy leaves room for any number of items in it, so that it has the same length with each."""
        header = np.lib.format.header_data_from_array_1_0(np.empty(0, dtype=self._types[field]))
        np.lib.format.write_array_header_1_0(self._files[field], header | {"shape": (self._counts[field],)})
