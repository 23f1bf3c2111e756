"""Excel workbooks: tables of dialogues in their sheets."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from tinychat.corpus.archives import ZIP, Expansion, inside, lacks, zip_kind
from tinychat.corpus.dialogue import Dropped
from tinychat.corpus.raw_files import RawFile, UnclaimedError
from tinychat.corpus.reader import BinaryReader, Item, Notes, excerpts
from tinychat.corpus.readers import aihub_table
from tinychat.corpus.table_header import NoColumnError, find_columns
from tinychat.corpus.tables import Cells, Columns, cell_text
from tinychat.corpus.workbook_parts import check_parts
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

HEADER_ROWS = 10  # in which the header is looked for
ROWS_AT_ONCE = 1000

Row = tuple[int, Sequence[object]]  # its number in the sheet, and its cells
Texts = Iterator[tuple[int, list[str]]]


def score(raw: RawFile, _: CorpusParams) -> float:
    """1 for a workbook of Excel 2007 or later."""
    return float(raw.first_bytes().startswith(ZIP) and zip_kind(raw.path, raw.content) == "workbook")


def read(raw: RawFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """What the tables of all sheets hold. Hidden sheets are not read.

    Raises UnclaimedError where no sheet has a header that names the columns, and InputError where one names them in a
    way that is not clear, and for a damaged workbook.
    """
    if not score(raw, params):
        raise InputError("{path}: not an Excel workbook (.xlsx)", path=raw.path)
    without_value = check_parts(raw)
    table = _Table(raw, notes)
    problems: dict[str, Phrase] = {}  # of the sheets without a table
    hidden = []
    for name, sheet in _sheets(raw):
        if sheet is None:
            hidden.append(name)
            continue
        try:
            yield from table.items(name, sheet, params)
        except NoColumnError as error:
            if error.is_unclear:
                raise InputError("{path}: {problem}", path=inside(raw.path, name), problem=error.problem) from None
            problems[name] = error.problem
    if not table.counts:
        sheet_name, problem = next(iter(problems.items()), ("", Phrase("all its sheets are hidden or empty")))
        raise UnclaimedError(
            "no_format", "{place}: {problem}", path=raw.path, place=inside(raw.path, sheet_name), problem=problem
        )
    notes.remarks += table.remarks()
    notes.remarks += [f"sheets without a table, not read: {excerpts(problems)}"] if problems else []
    notes.remarks += [f"hidden sheets, not read: {excerpts(hidden)}"] if hidden else []
    notes.remarks += (
        [f"formulas without a saved value, read as empty: {without_value:,}; open and save it in a spreadsheet"]
        if without_value
        else []
    )


class _Table:
    """Turns rows of sheets into texts, and counts what was changed in the columns that are taken."""

    def __init__(self, raw: RawFile, notes: Notes) -> None:
        self.path, self.notes = raw.path, notes
        self.counts: dict[str, int] = {}  # of the rows of each sheet
        self._expansion = Expansion(raw.path, raw.content.stat().st_size)
        self._not_text = self._merged = 0

    def items(self, name: str, sheet: "CalamineSheet", params: CorpusParams) -> Iterator[Item]:
        """What the table of a sheet holds. Raises NoColumnError where there is none, before the first item."""
        place = inside(self.path, name)
        rows = _rows(place, sheet)
        number, names, columns = _find_header(rows, params)
        self.counts[name] = 0
        if columns is None:
            texts = self._texts(name, rows, sheet, range(len(names)))
            yield from aihub_table.items(str(place), chain([(number, names)], texts), self.notes)
            return
        self.notes.note_unused(columns.unused(), ())
        self.notes.remark_once(columns.remark())
        texts = self._texts(name, rows, sheet, columns.indices())
        yield from columns.items((_cells(f"{place}:{number}", row, columns) for number, row in texts), self.notes)

    def _texts(self, name: str, rows: Iterator[Row], sheet: "CalamineSheet", taken: Sequence[int]) -> Texts:
        """The rows of a sheet that are not empty, as texts."""
        merged = [column for column in (_Merged(sheet, index) for index in taken) if column.ranges]
        for number, row in rows:
            cells = list(row)
            for column in merged:
                self._merged += column.fill(number, cells)
            if all(cell == "" for cell in cells):
                continue
            self.counts[name] += 1
            texts = [cell_text(cell) or "" for cell in cells]
            for index in taken:
                self._not_text += not isinstance(cells[index], str)
                self._expansion.add(len(texts[index]))
            yield number, texts

    def remarks(self) -> list[str]:
        """What a person should know of the reading."""
        sheets = ", ".join(f"{name} ({count:,} rows)" for name, count in self.counts.items())
        return [
            *([f"sheets: {sheets}"] if len(self.counts) > 1 else []),
            *([f"numbers, dates and the like, read as text: {self._not_text:,}"] if self._not_text else []),
            *([f"cells with the text of the cell they are merged with: {self._merged:,}"] if self._merged else []),
        ]


class _Merged:
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


def _sheets(raw: RawFile) -> Iterator[tuple[str, "CalamineSheet | None"]]:
    """The sheets with cells, in their order; None for one that is hidden. One is in memory at a time."""
    try:
        from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum
    except ModuleNotFoundError:
        raise lacks(raw.path, "python-calamine") from None
    with open(raw.content, "rb") as file:
        with _reading(raw.path):
            workbook = CalamineWorkbook.from_filelike(file)
        for sheet in workbook.sheets_metadata:
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
                with _reading(inside(raw.path, sheet.name)):
                    opened = workbook.get_sheet_by_name(sheet.name)
                yield sheet.name, opened
            elif sheet.typ == SheetTypeEnum.WorkSheet:
                yield sheet.name, None


def _rows(path: Path, sheet: "CalamineSheet") -> Iterator[Row]:
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


def _cells(where: str, texts: list[str], columns: Columns) -> Cells | Dropped:
    return Dropped(where, "repeated_header") if columns.is_header(texts) else Cells(where, texts)


def _find_header(rows: Iterator[Row], params: CorpusParams) -> tuple[int, list[str], Columns | None]:
    """The header, in the first HEADER_ROWS rows, which are taken: its number, its cells, and the columns that it names;
    None for one of AI Hub. Raises NoColumnError where none of the rows is one.
    """
    best = (0, NoColumnError(Phrase("no header: the sheet is empty")))
    for number, cells in islice(rows, HEADER_ROWS):
        names = [cell_text(cell) or "" for cell in cells]
        if params.columns.question is None and aihub_table.is_header(names):
            return number, names, None
        try:
            return number, names, find_columns(names, params)
        except NoColumnError as error:
            if error.is_unclear:
                raise
            # The row with the most cells explains best what is missing.
            best = max(best, (sum(map(bool, names)), error), key=lambda found: found[0])
    raise best[1]


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


READER = BinaryReader(score, read)
