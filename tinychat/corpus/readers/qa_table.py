"""Tables of questions and answers: CSV or TSV with a header, one pair per row.

Read with `csv`, not with pandas, which reads `NA` as missing and `001` as 1, and silently shifts the columns of
`가,나,다` under `Q,A`.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tinychat.corpus.cleaning import to_nfc
from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, Turn
from tinychat.corpus.known_formats import known_table, looks_like
from tinychat.corpus.reader import EXCERPT, MAX_NAMES, FileReader, Item, Notes, excerpt
from tinychat.corpus.readers import smilestyle
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams

QUESTION = ("q", "question", "질문", "prompt", "instruction", "input", "user", "human")
ANSWER = ("a", "answer", "답변", "대답", "response", "completion", "output", "assistant", "bot", "gpt")
# Of a text, and hardly of a column's name.
SENTENCE_ENDS = (".", "?", "!", "~", "…", "ㅋ", "ㅠ", "니다", "세요", "어요", "아요", "에요", "예요")
DELIMITERS = (",", "\t", ";", "|")
DELIMITER_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
# The default of `csv` is 131,072 characters; this is the largest C long on every system.
MAX_CELL_CHARACTERS = 2**31 - 1
# A cell of more lines than this, or a row that does not end within MAX_ROW_LINES: a quote was left open.
MAX_CELL_NEWLINES = 50
MAX_ROW_LINES = 1000


@dataclass(frozen=True)
class Header:
    """The first row of a table: its cells, the indices of the two columns, and the delimiter."""

    names: tuple[str, ...]
    question: int
    answer: int
    delimiter: str


class _NoColumnError(Exception):
    """The header does not tell which columns are the question and the answer."""

    def __init__(self, problem: Phrase) -> None:
        super().__init__(problem)
        self.problem = problem


def score(head: list[str], params: CorpusParams) -> float:
    """The share of rows, the header among them, that have as many cells as the header; 0 without a known header."""
    if smilestyle.score(head, params):  # whose columns params may name
        return 0.0
    lines = iter(head)
    try:
        header, _ = _find_header(lines, params)
    except _NoColumnError:
        return 0.0
    rows = [cells for _, _, cells in _rows(lines, header.delimiter, 0) if cells is None or not _is_blank(cells)]
    return (1 + sum(cells is not None and len(cells) == len(header.names) for cells in rows)) / (1 + len(rows))


def read(text: TextFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """One item per row below the header.

    Raises InputError for a header that does not name one column of questions and one of answers.
    """
    lines = text.lines()
    try:
        header, number = _find_header(lines, params)
    except _NoColumnError as error:
        raise InputError("{path}: {problem}", path=text.path, problem=error.problem) from None
    names = header.names
    notes.remarks.append(f"question: {names[header.question]}, answer: {names[header.answer]}")
    notes.note_unused(filter(None, names), (names[header.question], names[header.answer]))
    for first_line, fault, cells in _rows(lines, header.delimiter, number):
        where = f"{text.path}:{first_line}"
        if cells is None:
            yield Faulty(where, "broken_quotes", fault)
        elif not _is_blank(cells):
            yield _row_item(where, cells, header)


def _row_item(where: str, cells: list[str], header: Header) -> Item:
    if len(cells) == len(header.names) and all(map(_same_name, cells, header.names)):
        return Dropped(where, "repeated_header")
    if len(cells) != len(header.names):
        return Faulty(
            where,
            "too_few_cells" if len(cells) < len(header.names) else "too_many_cells",
            Phrase(
                "cells: {cells}, columns in the header: {columns}. Found {found}. "
                "Separate the cells with a {separator} each, and put a text that holds one in double quotes.",
                cells=len(cells),
                columns=len(header.names),
                found=excerpt(header.delimiter.join(cells)),
                separator=Phrase(DELIMITER_NAMES[header.delimiter]),
            ),
        )
    question, answer = cells[header.question], cells[header.answer]
    if not question.strip():
        return Dropped(where, "empty_question")
    if not answer.strip():
        return Dropped(where, "empty_answer")
    return Dialogue(where, (Turn("user", question), Turn("assistant", answer)))


def _is_blank(cells: list[str]) -> bool:
    """Whether the line is blank."""
    return len(cells) <= 1 and not "".join(cells).strip()


def _same_name(cell: str, name: str) -> bool:
    return _plain(cell) == _plain(name)


def _plain(name: str) -> str:
    return _trimmed(name).lower()


def _trimmed(name: str) -> str:
    return to_nfc(name).strip("\ufeff \t\r\n\u00a0")


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
                return _header(cells, delimiter, params), number
            except _NoColumnError as error:
                problems[delimiter] = (len(cells), error)
            except csv.Error:
                continue
        if not problems:
            raise _NoColumnError(Phrase("broken quotes in the header: {found}", found=excerpt(line.strip())))
        # The delimiter that occurs most often explains best what is missing.
        raise max(problems.values(), key=lambda found: found[0])[1]
    raise _NoColumnError(Phrase("no header: the file is blank"))


def _header(cells: list[str], delimiter: str, params: CorpusParams) -> Header:
    names = tuple(map(_trimmed, cells))
    answered = any(_plain(name) in ANSWER for name in names)
    if params.columns.question is None and not answered and (what := known_table(names)):
        raise _NoColumnError(looks_like(what))  # the `User` column of messages is the speaker
    question = _column("question", names, QUESTION, params.columns.question)
    answer = _column("answer", names, ANSWER, params.columns.answer)
    if question == answer:
        raise _NoColumnError(
            Phrase("one column, {name}, for question and answer; set corpus.columns", name=names[question])
        )
    return Header(names, question, answer, delimiter)


def _column(role: str, names: tuple[str, ...], usual: tuple[str, ...], wanted: str | None) -> int:
    """The index of the column of `role`; raises _NoColumnError where there is none, or more than one."""
    # In a file that is no table, the first line may be the whole file.
    found = ", ".join([*(name[:EXCERPT] or '""' for name in names[:MAX_NAMES]), *["…"] * (len(names) > MAX_NAMES)])
    plain = [_plain(name) for name in names]
    accepted = usual if wanted is None else (_plain(wanted),)
    columns = [column for column, name in enumerate(plain) if name in accepted]
    if wanted is None and "instruction" in plain:
        # In instruction tables `input` is a supplement, not the question.
        columns = [column for column in columns if plain[column] != "input"]
    if len(columns) == 1:
        return columns[0]
    if wanted is not None:
        raise _NoColumnError(
            Phrase(
                "more than one column {name!r}, which corpus.columns.{role} names. Found: {found}."
                if columns
                else "no column {name!r}, which corpus.columns.{role} names. Found: {found}.",
                name=wanted,
                role=role,
                found=found,
            )
        )
    if not columns and len(names) == 1:
        raise _NoColumnError(
            Phrase(
                "one column only, {name}: a table has one of questions and one of answers, each pair in a row, below a "
                "header such as question,answer.",
                name=found,
            )
        )
    if not columns and any(name.endswith(SENTENCE_ENDS) for name in names):
        raise _NoColumnError(
            Phrase(
                "the first line looks like a question and an answer, not like a header: {found}. Write a line above it "
                "that names the columns, such as question,answer.",
                found=found,
            )
        )
    if not columns:
        raise _NoColumnError(
            Phrase(
                "no {role} column. Found: {found}. Expected one of: {usual}; or set corpus.columns.",
                role=role,
                found=found,
                usual=", ".join(usual),
            )
        )
    raise _NoColumnError(
        Phrase(
            "more than one {role} column: {rivals}. Set corpus.columns.{role} to one of them.",
            role=role,
            rivals=", ".join(names[column] for column in columns),
        )
    )


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
