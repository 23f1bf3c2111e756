"""Tables with a header, CSV or TSV: a question and its answer a row, or a turn a row.

Read with `csv`, not with pandas, which reads `NA` as missing and `001` as 1, and silently shifts the columns of
`가,나,다` under `Q,A`.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tinychat.corpus.dialogue import Dropped, Faulty
from tinychat.corpus.reader import FileReader, Item, Notes, excerpt
from tinychat.corpus.readers import smilestyle
from tinychat.corpus.table_header import NoColumnError, find_columns
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


@dataclass(frozen=True)
class Header:
    """The first row of a table: its columns, and the delimiter."""

    columns: Columns
    delimiter: str


def score(head: list[str], params: CorpusParams) -> float:
    """The share of rows, the header among them, that have as many cells as the header; 0 without a known header."""
    if smilestyle.score(head, params):  # whose columns params may name
        return 0.0
    lines = iter(head)
    try:
        header, _ = _find_header(lines, params)
    except NoColumnError:
        return 0.0
    rows = [cells for _, _, cells in _rows(lines, header.delimiter, 0) if cells is None or not _is_blank(cells)]
    return (1 + sum(cells is not None and len(cells) == len(header.columns.names) for cells in rows)) / (1 + len(rows))


def read(text: TextFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """One item per row below the header, or per conversation where a row is a turn.

    Raises InputError for a header that does not name the columns.
    """
    lines = text.lines()
    try:
        header, number = _find_header(lines, params)
    except NoColumnError as error:
        raise InputError("{path}: {problem}", path=text.path, problem=error.problem) from None
    notes.remarks.append(header.columns.remark())
    notes.note_unused(header.columns.unused(), ())
    yield from header.columns.items(_checked_rows(text, lines, header, number), notes)


def _checked_rows(text: TextFile, lines: Iterator[str], header: Header, number: int) -> Iterator[Cells | Item]:
    """The rows after line `number` that have the header's columns, and what is wrong with others."""
    for first_line, fault, cells in _rows(lines, header.delimiter, number):
        where = f"{text.path}:{first_line}"
        if cells is None:
            yield Faulty(where, "broken_quotes", fault)
        elif not _is_blank(cells):
            yield _checked(where, cells, header)


def _checked(where: str, cells: list[str], header: Header) -> Cells | Item:
    columns = len(header.columns.names)
    if header.columns.is_header(cells):
        return Dropped(where, "repeated_header")
    if len(cells) == columns:
        return Cells(where, cells)
    return Faulty(
        where,
        "too_few_cells" if len(cells) < columns else "too_many_cells",
        Phrase(
            "cells: {cells}, columns in the header: {columns}. Found {found}. "
            "Separate the cells with a {separator} each, and put a text that holds one in double quotes.",
            cells=len(cells),
            columns=columns,
            found=excerpt(header.delimiter.join(cells)),
            separator=Phrase(DELIMITER_NAMES[header.delimiter]),
        ),
    )


def _is_blank(cells: list[str]) -> bool:
    """Whether the line is blank."""
    return len(cells) <= 1 and not "".join(cells).strip()


def _find_header(lines: Iterator[str], params: CorpusParams) -> tuple[Header, int]:
    """The header, taken from the first line that is not blank, and that line's number.

    The delimiter is the one with which the header names its two columns. Counting delimiters over the first rows would
    be misled by faulty rows.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip("\ufeff \t\r\n"):
            continue
        problems = {}
        for delimiter in DELIMITERS:
            try:
                cells = next(_reader([line], delimiter))
                return Header(find_columns(cells, params), delimiter), number
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


READER = FileReader(score, read, suffixes=(".csv", ".tsv", ".tab"))
