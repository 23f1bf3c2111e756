"""Excel workbooks: tables of dialogues in their sheets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from tinychat.corpus.archives import ZIP, Expansion, inside, zip_kind
from tinychat.corpus.cleaning import to_nfc
from tinychat.corpus.dialogue import Dropped
from tinychat.corpus.raw_files import RawFile, UnclaimedError
from tinychat.corpus.reader import BinaryReader, Item, Notes, excerpt, excerpts
from tinychat.corpus.readers import aihub_table
from tinychat.corpus.sources import as_yaml
from tinychat.corpus.table_header import NoColumnError, find_columns, header_remarks, numbered_columns
from tinychat.corpus.tables import Cells, Columns, cell_text
from tinychat.corpus.workbook_parts import check_parts
from tinychat.corpus.workbooks import MergedColumn, Row, rows_of, sheet_names, sheets_of
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

HEADER_ROWS = 10  # in which the header is looked for

Texts = Iterator[tuple[int, list[str]]]


def score(raw: RawFile, _: CorpusParams) -> float:
    """1 for a workbook of Excel 2007 or later."""
    return float(raw.first_bytes().startswith(ZIP) and zip_kind(raw.path, raw.content) == "workbook")


def read(raw: RawFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """What the table holds, which is in one of the sheets; or those in the sheets that the source names.

    A hidden sheet is read only if it is named. Raises UnclaimedError where no sheet has a table, InputError where more
    than one has and none is named, where it is not clear which columns to take, and for a damaged workbook.
    """
    if not score(raw, params):
        raise InputError("{path}: not an Excel workbook (.xlsx)", path=raw.path)
    without_value = check_parts(raw)
    table = _Table(raw, notes)
    for sheet in _named(raw, params) if params.tables.sheets else [_only(raw, params, notes)]:
        yield from table.items(sheet, params)
    notes.remarks += table.remarks()
    notes.remarks += (
        [f"formulas without a saved value, read as empty: {without_value:,}; open and save it in a spreadsheet"]
        if without_value
        else []
    )


@dataclass(frozen=True)
class _Sheet:
    """A sheet with a table.

    rows     those behind row `number`, the header, whose cells are `names`; all rows where there is none
    columns  None for a table of AI Hub
    """

    name: str
    sheet: "CalamineSheet"
    rows: Iterator[Row]
    number: int
    names: list[str]
    columns: Columns | None


def _only(raw: RawFile, params: CorpusParams, notes: Notes) -> _Sheet:
    """The one sheet with a table, among those that are not hidden."""
    only: _Sheet | NoColumnError | None = None  # the error where it is not clear which columns to take
    found = []  # the sheets with a table
    problems: dict[str, Phrase] = {}  # of the sheets without a table
    hidden = []
    for name, sheet in sheets_of(raw):
        if sheet is None:
            hidden.append(name)
            continue
        try:
            only = _begin(raw, name, sheet, params)
        except NoColumnError as error:
            if not error.is_unclear:
                problems[name] = error.problem
                continue
            only = error
        found.append(name)
    if len(found) > 1:
        first, second, *_ = found
        raise InputError(
            "{path}: more than one sheet has a table: {sheets}. Name the one to read in params.yaml: corpus.sources: "
            "[{one}], or several: [{several}]",
            path=raw.path,
            sheets=excerpts(found),
            one=as_yaml({"file": raw.file, "sheet": first}),
            several=as_yaml({"file": raw.file, "sheet": [first, second]}),
        )
    if only is None:
        name, problem = next(iter(problems.items()), ("", Phrase("all its sheets are hidden or empty")))
        raise UnclaimedError(
            "no_format", "{place}: {problem}", path=raw.path, place=inside(raw.path, name), problem=problem
        )
    notes.remarks += [f"sheets without a table, not read: {excerpts(problems)}"] if problems else []
    notes.remarks += [f"hidden sheets, not read: {excerpts(hidden)}"] if hidden else []
    if isinstance(only, NoColumnError):
        raise InputError("{path}: {problem}", path=inside(raw.path, found[0]), problem=only.problem)
    return only


def _named(raw: RawFile, params: CorpusParams) -> Iterator[_Sheet]:
    """The sheets that the source names, in the order in which they stand in the workbook."""
    wanted = set(map(to_nfc, params.tables.sheets))
    there = sheet_names(raw)
    if missing := wanted - set(map(to_nfc, there)):
        raise UnclaimedError(
            "no_format",
            "{path}: no sheet {name}, which corpus.sources names. Found: {found}.",
            path=raw.path,
            name=excerpt(min(missing)),
            found=excerpts(there),
        )
    for name, sheet in sheets_of(raw, wanted):
        try:
            assert sheet is not None
            yield _begin(raw, name, sheet, params)
        except NoColumnError as error:
            raise InputError("{path}: {problem}", path=inside(raw.path, name), problem=error.problem) from None


def _begin(raw: RawFile, name: str, sheet: "CalamineSheet", params: CorpusParams) -> _Sheet:
    """The table in a sheet. Raises NoColumnError where there is none, or it is not clear which columns to take."""
    rows = rows_of(inside(raw.path, name), sheet)
    if params.tables.header:
        return _Sheet(name, sheet, rows, *_find_header(rows, params))
    if sheet.start is None:
        raise NoColumnError(Phrase("the sheet is empty"))
    _, first = sheet.start
    columns = numbered_columns(range(first + 1, first + sheet.width + 1), params)  # as in Excel, where A is 1
    return _Sheet(name, sheet, rows, 0, list(columns.names), columns)


class _Table:
    """Turns rows of sheets into texts, and counts what was changed in the columns that are taken."""

    def __init__(self, raw: RawFile, notes: Notes) -> None:
        self.path, self.notes = raw.path, notes
        self.counts: dict[str, int] = {}  # of the rows of each sheet
        self._expansion = Expansion(raw.path, raw.content.stat().st_size)
        self._not_text = self._merged = 0

    def items(self, begun: _Sheet, params: CorpusParams) -> Iterator[Item]:
        """What the table of a sheet holds."""
        place, columns = inside(self.path, begun.name), begun.columns
        self.counts[begun.name] = 0
        if columns is None:
            texts = self._texts(begun, range(len(begun.names)))
            yield from aihub_table.items(str(place), chain([(begun.number, begun.names)], texts), self.notes)
            return
        self.notes.note_unused(columns.unused(), ())
        self.notes.remark_once(columns.remark())
        texts = self._texts(begun, columns.indices())
        if not columns.is_named:
            first = next(texts, None)
            for remark in header_remarks(first[1], params) if first else []:
                self.notes.remark_once(remark)
            texts = chain([first] if first else [], texts)
        yield from columns.items((_cells(f"{place}:{number}", row, columns) for number, row in texts), self.notes)

    def _texts(self, begun: _Sheet, taken: Sequence[int]) -> Texts:
        """The rows of a sheet that are not empty, as texts."""
        name = begun.name
        merged = [column for column in (MergedColumn(begun.sheet, index) for index in taken) if column.ranges]
        for number, row in begun.rows:
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


READER = BinaryReader(score, read, options=("header", "columns", "sheet"))
