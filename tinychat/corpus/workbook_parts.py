"""The parts of an Excel workbook, measured before a library reads them: a workbook is a zip archive of XML files.

calamine keeps a sheet as a full rectangle. So a single cell far away from the others would take all memory, and end the
process without an error that could be caught.
"""

import re
from collections.abc import Iterator

from tinychat.corpus.archives import open_zip
from tinychat.corpus.raw_files import RawFile
from tinychat.errors import InputError

MAX_CELLS = 1 << 24  # in the rectangle of a sheet: 0.5 GB
# A row or a cell: its tag, the letters and the digits of its reference, the rest up to the next tag.
TAG = re.compile(rb"<(?:[\w.-]+:)?(row|c)(?=[\s/>])(?:[^<]*?\sr\s*=\s*[\"']([A-Za-z]*)(\d+)[\"'])?([^<]*)")
# A formula, and behind it no value.
NO_VALUE = re.compile(
    rb"(?:</(?:[\w.-]+:)?f\s*>|<(?:[\w.-]+:)?f(?:\s[^<>]*)?/>)\s*"
    rb"(?:<(?:[\w.-]+:)?v\s*/>|<(?:[\w.-]+:)?v\s*>\s*</|</(?:[\w.-]+:)?c\s*>)"
)
ROW_END = b"row>"
MAX_TAG_BYTES = 1 << 24


def check_parts(raw: RawFile) -> int:
    """How many formulas have no saved value, as where a program wrote the workbook that computes none.

    Raises InputError for a damaged workbook, and for a sheet whose rectangle has more than MAX_CELLS cells.
    """
    without_value = 0
    with open_zip(raw.path, raw.content) as archive:
        for name, info in archive.members():
            size = _Rectangle()
            for part in _whole_rows(archive.chunks(name, info)):
                without_value += len(NO_VALUE.findall(part))
                size.add(part)
                if size.rows * size.columns > MAX_CELLS:
                    raise InputError(
                        "{path}: the sheet in {part} is {rows:,} rows high and {columns:,} columns wide: more than can "
                        "be read. Delete the cells far away from the table, or save the sheet as CSV (UTF-8).",
                        path=raw.path,
                        part=name,
                        rows=size.rows,
                        columns=size.columns,
                    )
    return without_value


class _Rectangle:
    """The rectangle from the first cell of a sheet to the last that is not empty."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._row = self._column = 0  # of the last tag

    def add(self, part: bytes) -> None:
        """Measure a part of the XML that ends before a tag."""
        for tag, letters, digits, rest in TAG.findall(part):
            # A reference may be left out: then it is the next row, or the next cell.
            number = int(digits[:9]) if digits else 0
            if tag == b"row":
                self._row, self._column = number or self._row + 1, 0
                continue
            self._row = number or self._row
            self._column = _column_number(letters) or self._column + 1
            if not rest.rstrip().endswith(b"/>"):
                self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)


def _column_number(letters: bytes) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters.upper()[:6]:
        number = number * 26 + letter - 64
    return number


def _whole_rows(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in parts that end behind a row, or at least before a tag."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        last_row = rest.rfind(ROW_END)
        end = max(rest.rfind(b"<"), 0) if last_row < 0 else last_row + len(ROW_END)
        if end == 0 and len(rest) > MAX_TAG_BYTES:
            end = len(rest)  # no XML
        yield rest[:end]
        rest = rest[end:]
    yield rest
