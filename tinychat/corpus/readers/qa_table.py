"""Tables, CSV or TSV: a question and its answer a row, or a turn a row.

The first row is the header. `header: false` says that there is none; no table is taken for one without unsaid.

Read with `csv`, not with pandas, which reads `NA` as missing and `001` as 1, and silently shifts the columns of
`가,나,다` under `Q,A`.
"""

import csv
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from tinychat.corpus.dialogue import Dropped, Faulty
from tinychat.corpus.reader import FileReader, Item, Notes, excerpt
from tinychat.corpus.readers import smilestyle
from tinychat.corpus.table_header import NoColumnError, find_columns, header_remarks, numbered_columns
from tinychat.corpus.tables import Cells, Columns
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams

DELIMITERS = (",", "\t", ";", "|")
DELIMITER_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
# The default of `csv` is 131,072 characters; this is the largest C long on every system.
MAX_CELL_CHARACTERS = 2**31 - 1
# A cell of more lines than this, or a row that does not end within MAX_ROW_LINES: a quote was left open.
MAX_CELL_NEWLINES = 50
MAX_ROW_LINES = 1000
DELIMITER_LINES = 20  # that decide on the delimiter where there is no header


@dataclass(frozen=True)
class Beginning:
    """The columns of a table, as its first row says them, and the delimiter.

    lines   those below the header, whose line is `number`; all of them where there is none
    remarks what a person should know of it
    """

    columns: Columns
    delimiter: str
    lines: Iterator[str]
    number: int
    remarks: Sequence[str]


def score(head: list[str], params: CorpusParams) -> float:
    """The share of rows, the first one among them, that have as many cells as the first; 0 without a known header."""
    if smilestyle.score(head, params):  # whose columns params may name
        return 0.0
    try:
        begun = _begin(iter(head), params)
    except NoColumnError:
        return 0.0
    rows = [cells for _, _, cells in _rows(begun.lines, begun.delimiter, 0) if cells is None or not _is_blank(cells)]
    return (1 + sum(cells is not None and len(cells) == len(begun.columns.names) for cells in rows)) / (1 + len(rows))


def read(text: TextFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """One item per row below the header, or per conversation where a row is a turn.

    Raises InputError for a header that does not name the columns, and where there is none and it is not clear which
    columns to take.
    """
    try:
        begun = _begin(text.lines(), params)
    except NoColumnError as error:
        raise InputError("{path}: {problem}", path=text.path, problem=error.problem) from None
    notes.remarks += [begun.columns.remark(), *begun.remarks]
    notes.note_unused(begun.columns.unused(), ())
    yield from begun.columns.items(_checked_rows(text, begun), notes)


def _checked_rows(text: TextFile, begun: Beginning) -> Iterator[Cells | Item]:
    """The rows that have the columns, and what is wrong with others."""
    for first_line, fault, cells in _rows(begun.lines, begun.delimiter, begun.number):
        where = f"{text.path}:{first_line}"
        if cells is None:
            yield Faulty(where, "broken_quotes", fault)
        elif not _is_blank(cells):
            yield _checked(where, cells, begun)


def _checked(where: str, cells: list[str], begun: Beginning) -> Cells | Item:
    columns = len(begun.columns.names)
    if begun.columns.is_header(cells):
        return Dropped(where, "repeated_header")
    if len(cells) == columns:
        return Cells(where, cells)
    return Faulty(
        where,
        "too_few_cells" if len(cells) < columns else "too_many_cells",
        Phrase(
            "cells: {cells}, columns in the header: {columns}. Found {found}. "
            "Separate the cells with a {separator} each, and put a text that holds one in double quotes."
            if begun.columns.is_named
            else "cells: {cells}, in the first row: {columns}. Found {found}. "
            "Separate the cells with a {separator} each, and put a text that holds one in double quotes.",
            cells=len(cells),
            columns=columns,
            found=excerpt(begun.delimiter.join(cells)),
            separator=Phrase(DELIMITER_NAMES[begun.delimiter]),
        ),
    )


def _is_blank(cells: list[str]) -> bool:
    """Whether the line is blank."""
    return len(cells) <= 1 and not "".join(cells).strip()


def _is_filled(line: str) -> bool:
    return bool(line.strip("\ufeff \t\r\n"))


def _begin(lines: Iterator[str], params: CorpusParams) -> Beginning:
    """How the table begins. Raises NoColumnError where it is not clear which columns to take."""
    return _find_header(lines, params) if params.tables.header else _without_header(lines, params)


def _without_header(lines: Iterator[str], params: CorpusParams) -> Beginning:
    """The columns by their numbers. The delimiter is the one that gives the first rows as many cells as the first of
    all; of several the comma is the last to be taken, since sentences have commas too.
    """
    number = 0  # of blank lines before the first row
    head: list[str] = []
    for line in lines:
        if _is_filled(line):
            head = [line, *islice(lines, DELIMITER_LINES - 1)]
            break
        number += 1
    found: Counter[str] = Counter()
    first: dict[str, list[str]] = {}
    for delimiter in DELIMITERS[::-1]:
        rows = [cells for _, _, cells in _rows(head, delimiter, 0) if cells is not None and not _is_blank(cells)]
        if rows and len(rows[0]) > 1:
            first[delimiter] = rows[0]
            found[delimiter] = sum(len(cells) == len(rows[0]) for cells in rows)
    if not found:
        raise NoColumnError(Phrase("no table: no comma, tab, semicolon or bar separates two cells in its first rows."))
    delimiter = max(found, key=lambda one: found[one])
    columns = numbered_columns(range(1, len(first[delimiter]) + 1), params)
    return Beginning(columns, delimiter, chain(head, lines), number, header_remarks(first[delimiter], params))


def _find_header(lines: Iterator[str], params: CorpusParams) -> Beginning:
    """The header, taken from the first line that is not blank.

    The delimiter is the one with which the header names its two columns. Counting delimiters over the first rows would
    be misled by faulty rows.
    """
    for number, line in enumerate(lines, start=1):
        if not _is_filled(line):
            continue
        problems = {}
        for delimiter in DELIMITERS:
            try:
                cells = next(_reader([line], delimiter))
                return Beginning(find_columns(cells, params), delimiter, lines, number, ())
            except NoColumnError as error:
                problems[delimiter] = (len(cells), error)
            except csv.Error:
                continue
        if not problems:
            raise NoColumnError(Phrase("broken quotes in the header: {found}", found=excerpt(line.strip())))
        # The delimiter that occurs most often explains best what is missing.
        raise max(problems.values(), key=lambda found: found[0])[1]
    raise NoColumnError(Phrase("no header: the file is blank"))


class _Feed:
    """Lines for `csv.reader` that can be pushed back: after a broken row, reading resumes at its second line."""

    def __init__(self, lines: Iterable[str], number: int) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.number = number  # of the last line
        self.row: list[str] = []  # the lines of the current row

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if len(self.row) >= MAX_ROW_LINES:
            raise csv.Error("the quote is not closed")
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self.row.append(line)
        return line

    def push_back_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.row[1:]))
        self.number -= len(self.row) - 1


def _reader(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_CELL_CHARACTERS)  # of this process
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _rows(lines: Iterable[str], delimiter: str, number: int) -> Iterator[tuple[int, str, list[str] | None]]:
    """Each row after line `number`: its first line number, what is wrong with it, and its cells or None."""
    feed = _Feed(lines, number)
    table = _reader(feed, delimiter)
    while True:
        feed.row.clear()
        first_line = feed.number + 1
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            found = excerpt(feed.row[0].rstrip("\r\n"))
            feed.push_back_all_but_first()
            yield first_line, _explain_quotes(str(error), delimiter, found), None
            continue
        longest = max((cell.count("\n") for cell in cells), default=0)
        if longest > MAX_CELL_NEWLINES:
            found = excerpt(feed.row[0].rstrip("\r\n"))
            fault = Phrase(
                "a cell of {lines} lines begins here; is a quote left open? {found}", lines=longest + 1, found=found
            )
            yield first_line, fault, None
        else:
            yield first_line, "", cells


def _explain_quotes(problem: str, delimiter: str, found: str) -> str:
    if "expected after" in problem:
        return Phrase(
            "a quoted cell must end at a {separator} or at the end of the row: {found}. "
            'Write a quote inside a quoted cell twice (""); is a quote left open?',
            separator=Phrase(DELIMITER_NAMES[delimiter]),
            found=found,
        )
    return Phrase(
        'a quote is opened in the row that begins here and not closed: {found}. Close it, or write "" for a quote.',
        found=found,
    )


READER = FileReader(score, read, suffixes=(".csv", ".tsv", ".tab"), options=("header", "columns"))
