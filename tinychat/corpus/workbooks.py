"""Excel workbooks as calamine reads them: their sheets, with rows and merged cells."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tinychat.corpus.archives import inside, lacks
from tinychat.corpus.cleaning import to_nfc
from tinychat.corpus.raw_files import RawFile
from tinychat.errors import InputError

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook, SheetMetadata

ROWS_AT_ONCE = 1000

Row = tuple[int, Sequence[object]]  # its number in the sheet, and its cells


def sheets_of(raw: RawFile, wanted: Container[str] | None = None) -> Iterator[tuple[str, "CalamineSheet | None"]]:
    """The sheets with cells, in their order, each in memory; None for one that is hidden.

    `wanted`: only those of these names, hidden or not.
    """
    from python_calamine import SheetVisibleEnum

    with _opened(raw) as (workbook, sheets):
        for sheet in sheets:
            is_read = sheet.visible == SheetVisibleEnum.Visible if wanted is None else to_nfc(sheet.name) in wanted
            if is_read:
                with _reading(inside(raw.path, sheet.name)):
                    opened = workbook.get_sheet_by_name(sheet.name)
                yield sheet.name, opened
            elif wanted is None:
                yield sheet.name, None


def sheet_names(raw: RawFile) -> list[str]:
    """The names of the sheets with cells."""
    with _opened(raw) as (_, sheets):
        return [sheet.name for sheet in sheets]


@contextmanager
def _opened(raw: RawFile) -> Iterator[tuple["CalamineWorkbook", list["SheetMetadata"]]]:
    """The workbook, and what is known of its sheets with cells."""
    try:
        from python_calamine import CalamineWorkbook, SheetTypeEnum
    except ModuleNotFoundError:
        raise lacks(raw.path, "python-calamine") from None
    with open(raw.content, "rb") as file:
        with _reading(raw.path):
            workbook = CalamineWorkbook.from_filelike(file)
        yield workbook, [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]


def rows_of(path: Path, sheet: "CalamineSheet") -> Iterator[Row]:
    """The rows with their numbers; an empty cell is "". What Excel shows as an error, such as #N/A, is empty too.

    Raises InputError for a duration that is longer than Python knows.
    """
    rows = enumerate(sheet.iter_rows(), start=1)
    while True:
        with _reading(path):
            some = list(islice(rows, ROWS_AT_ONCE))
        if not some:
            return
        yield from some


class MergedColumn:
    """A column's cells that are merged with those above: a person sees the text of the first in all of them."""

    def __init__(self, sheet: "CalamineSheet", index: int) -> None:
        column = index + (sheet.start or (0, 0))[1]
        ranges = [(first[0] + 1, last[0] + 1) for first, last in sheet.merged_cell_ranges or () if first[1] == column]
        self.ranges = sorted((first, last) for first, last in ranges if last > first)[::-1]
        self._index, self._value = index, object()

    def fill(self, number: int, cells: list[object]) -> bool:
        """Put the text into the cell of this row, if it is merged with one above; gives whether it is."""
        while self.ranges and self.ranges[-1][1] < number:
            self.ranges.pop()
        if not self.ranges or self.ranges[-1][0] > number:
            return False
        if self.ranges[-1][0] == number:
            self._value = cells[self._index]
            return False
        cells[self._index] = self._value
        return self._value != ""


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Within this context, what calamine raises for a damaged workbook becomes an InputError that names `path`."""
    from python_calamine import CalamineError

    try:
        yield
    except BaseException as error:
        # A panic of its Rust code is no Exception.
        if not isinstance(error, CalamineError | OverflowError) and type(error).__name__ != "PanicException":
            raise
        raise InputError(
            "{path}: damaged, or no workbook that Excel would open ({error}). Open it in a spreadsheet and save it "
            "again.",
            path=path,
            error=" ".join(str(error).split())[:200],
        ) from None
