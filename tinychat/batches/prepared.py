"""Token arrays on disk: one split is three flat arrays that are mapped into memory, not read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinychat.errors import InputError
from tinychat.tokenizer.chat import EncodedTurn, first_kept_turn

ARRAYS = ("tokens", "loss", "offsets")


@dataclass(frozen=True)
class EncodedDialogue:
    """A dialogue as it is learnt: token ids, which of them carry loss, and the UTF-8 bytes of the texts that are learnt
    (None where a word of these is unknown to the vocabulary).
    """

    ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]
    answer_bytes: int | None


@dataclass(frozen=True)
class PreparedSplit:
    """One split in memory-mapped arrays.

    tokens   (all tokens,) uint16 or uint32: the dialogues one behind another
    loss     (all tokens,) bool: whether the token is one that the model learns to say
    offsets  (dialogues + 1,) int64: dialogue i is tokens[offsets[i]:offsets[i + 1]]
    """

    tokens: npt.NDArray[np.integer]
    loss: npt.NDArray[np.bool_]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each dialogue, (dialogues,)."""
        return np.diff(self.offsets)

    @cached_property
    def longest(self) -> int:
        """Tokens of the longest dialogue; 1 where there is none."""
        return int(self.lengths.max(initial=1))


def fitting_turns(turns: Sequence[EncodedTurn], limit: int) -> tuple[int, int]:
    """Which turns of a dialogue are learnt so that they fit into `limit` tokens: turns[start:end].

    Oldest turns leave first. Where the last question and answer do not fit even alone, they leave, and what stood
    before them is tried. (0, 0) where no answer with loss fits.
    """
    end = len(turns)
    while end:
        kept = turns[:end]
        start = first_kept_turn([t.role for t in kept], [len(t.ids) for t in kept], limit)
        if any(any(turn.loss_mask) for turn in kept[start:]):
            return start, end
        end -= 1
        while end and turns[end - 1].role == "user":
            end -= 1
    return 0, 0


def to_arrays(dialogues: Iterable[EncodedDialogue], vocab_size: int) -> PreparedSplit:
    """Dialogues as one split in memory."""
    rows = list(dialogues)
    return PreparedSplit(
        tokens=np.array([i for row in rows for i in row.ids], dtype=np.uint16 if vocab_size <= 2**16 else np.uint32),
        loss=np.array([m for row in rows for m in row.loss_mask], dtype=np.bool_),
        offsets=np.cumsum([0, *(len(row.ids) for row in rows)], dtype=np.int64),
    )


def write_split(folder: Path, name: str, split: PreparedSplit) -> None:
    """Write one split's arrays into `folder` as NAME.ARRAY.npy."""
    for kind in ARRAYS:
        array = getattr(split, kind)
        with open(folder / f"{name}.{kind}.npy", "wb") as file:
            # np.save by hand: on a full disk it says "784 requested and 0 written", not why.
            np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
            file.write(array.data)


def open_split(folder: Path, name: str) -> PreparedSplit:
    """Map one split's arrays into memory. Raises InputError where they are missing."""
    try:
        return PreparedSplit(**{kind: _map(folder / f"{name}.{kind}.npy") for kind in ARRAYS})
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: no such file; `make repro` makes it (stage prepare_data)") from None


def _map(path: Path) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
