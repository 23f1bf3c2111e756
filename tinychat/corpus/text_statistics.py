"""What the texts of a corpus are like, in a few numbers: their scripts, and how long dialogues and messages are."""

import sys
import unicodedata
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.features import Columns
from tinychat.corpus.scratch import count_values, parts_of

SCRIPTS: Final = ("hangul", "latin", "other")
NO_LETTER, NOT_LOOKED_UP = len(SCRIPTS), 255
HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF))
# The largest number of each bin but the last, which has no limit.
TURNS: Final = (2, 4, 8, 16, 32)
MESSAGE_LETTERS: Final = (5, 10, 20, 40, 80, 160)


@dataclass(frozen=True)
class TextStatistics:
    """Of the dialogues that were kept, each counted once.

    letters          by script; digits, spaces and marks are none
    turns            dialogues by how many turns they have
    message_letters  messages by how many letters and digits they have
    """

    letters: dict[str, int]
    turns: dict[str, int]
    message_letters: dict[str, int]


def describe_texts(columns: Columns) -> TextStatistics:
    """The statistics of all dialogues. Each different text is read once and counted as often as it occurs."""
    texts, scripts = columns.letters, _Scripts()
    in_parts = (columns.texts[part] for part in parts_of(len(columns.texts)))
    times = count_values(in_parts, len(texts), columns.scratch)  # how often each text occurs
    letters = np.zeros(len(SCRIPTS) + 1, np.int64)
    lengths = np.zeros(len(MESSAGE_LETTERS) + 1, np.int64)
    for begin, end in texts.blocks():
        sizes, weights = texts.lengths[begin:end], times[begin:end]
        lengths += _counted(np.searchsorted(MESSAGE_LETTERS, sizes), weights, len(lengths))
        codes = texts.codes[texts.begins[begin] : texts.begins[end - 1] + sizes[-1]]
        letters += _counted(scripts.of(codes), np.repeat(weights, sizes), len(letters))
        texts.release()
    turns = np.zeros(len(TURNS) + 1, np.int64)
    for part in parts_of(len(columns)):
        turns += np.bincount(np.searchsorted(TURNS, columns.turns[part]), minlength=len(turns))
    return TextStatistics(
        letters=dict(zip(SCRIPTS, letters.tolist(), strict=False)),
        turns=dict(zip(_names(TURNS), turns.tolist(), strict=True)),
        message_letters=dict(zip(_names(MESSAGE_LETTERS), lengths.tolist(), strict=True)),
    )


def _counted(bins: NDArray[np.integer], weights: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The sum of the weights of each bin; whole numbers up to 2^53 are exact."""
    return np.bincount(bins, weights, n).astype(np.int64)


def _names(highest: tuple[int, ...]) -> list[str]:
    """The names of bins: `1-5`, `6-10`, and so on to `161+`."""
    lowest = [1, *(limit + 1 for limit in highest)]
    return [*(f"{low}-{high}" for low, high in zip(lowest, highest, strict=False)), f"{lowest[-1]}+"]


class _Scripts:
    """The script of each character; each is looked up once."""

    def __init__(self) -> None:
        self._of = np.full(sys.maxunicode + 1, NOT_LOOKED_UP, np.uint8)

    def of(self, codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """The index in SCRIPTS of the script of each code point, or NO_LETTER."""
        found = self._of[codes]
        new = np.unique(codes[found == NOT_LOOKED_UP])
        if len(new):
            self._of[new] = [_script(code) for code in new.tolist()]
            found = self._of[codes]
        return found


def _script(code: int) -> int:
    if unicodedata.category(chr(code))[0] != "L":
        return NO_LETTER
    if any(first <= code <= last for first, last in HANGUL):
        return SCRIPTS.index("hangul")
    is_latin = unicodedata.name(chr(code), "").startswith(("LATIN ", "FULLWIDTH LATIN "))
    return SCRIPTS.index("latin" if is_latin else "other")
