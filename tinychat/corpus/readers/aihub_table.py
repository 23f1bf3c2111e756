"""Workbooks of AI Hub as tables: 감성 대화 (a row is a dialogue), 한국어 대화 (a row is an utterance)."""

import re
from collections.abc import Iterator, Sequence

from tinychat.corpus.cleaning import to_nfc
from tinychat.corpus.csv_rows import csv_rows, misfit
from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, Role, Turn
from tinychat.corpus.reader import FileReader, Item, Notes, excerpt, excerpts
from tinychat.corpus.readers.aihub import LICENCE
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams

DELIMITERS = (",", "\t", ";")
SENTENCE = re.compile(r"(?P<side>사람문장|시스템문장|시스템응답)(?P<number>\d{1,2})")
# Of 한국어 대화: who speaks, what, and the number of the sentence in its dialogue.
SPEAKER, TEXT, NUMBER = "speaker", "sentence", "sentenceid"
ROLES: dict[str, Role] = {"고객": "user", "점원": "assistant"}

Rows = Iterator[tuple[int, list[str]]]


def score(head: list[str], params: CorpusParams) -> float:
    """1 where the header is that of one of the tables, and params names no columns; else 0."""
    return float(bool(head) and params.columns.question is None and _delimiter(head) is not None)


def read(text: TextFile, _: CorpusParams, notes: Notes) -> Iterator[Item]:
    """The dialogues of the table."""
    rows = csv_rows(text, _delimiter(text.head()) or ",")
    return items(str(text.path), rows, notes)


def items(path: str, rows: Rows, notes: Notes) -> Iterator[Item]:
    """The dialogues of a table whose first row is its header. Raises InputError for another header."""
    _, header = next(rows, (1, []))
    if not is_header(header):
        raise InputError(
            "{path}: no table of AI Hub. Found: {found}. Expected the columns {columns}; or SPEAKER, SENTENCE and "
            "SENTENCEID.",
            path=path,
            found=excerpts(header),
            columns="사람문장1, 시스템문장1",
        )
    names = [_plain(name) for name in header]
    notes.remarks.append(LICENCE)
    return _wide(path, names, rows) if _pairs(names) else _long(path, names, rows)


def is_header(cells: Sequence[str]) -> bool:
    """Whether these are the names of the columns of one of the tables."""
    names = [_plain(cell) for cell in cells]
    return bool(_pairs(names)) or {SPEAKER, TEXT, NUMBER} <= set(names)


def _delimiter(head: list[str]) -> str | None:
    line = head[0].rstrip("\r\n")
    return next((one for one in DELIMITERS if is_header([cell.strip('"') for cell in line.split(one)])), None)


def _plain(name: str) -> str:
    return re.sub(r"[\s_]", "", to_nfc(name)).lower()


def _pairs(names: Sequence[str]) -> list[tuple[int, Role]]:
    """The columns of sentences in the order of the dialogue, with the roles: 사람문장1, 시스템문장1, 사람문장2 …"""
    found = []
    for column, name in enumerate(names):
        if match := SENTENCE.fullmatch(name):
            role: Role = "user" if match["side"] == "사람문장" else "assistant"
            found.append((int(match["number"]), role == "assistant", column, role))
    columns = [(column, role) for _, _, column, role in sorted(found)]
    return columns if {role for _, role in columns} == {"user", "assistant"} else []


def _wide(path: str, names: Sequence[str], rows: Rows) -> Iterator[Item]:
    """A dialogue for each row; it ends at the first blank sentence."""
    columns = _pairs(names)
    for line, cells in rows:
        where = f"{path}:{line}"
        if len(cells) != len(names):
            yield misfit(where, cells, len(names))
            continue
        turns = []
        for column, role in columns:
            if not cells[column].strip():
                break
            turns.append(Turn(role, cells[column]))
        yield Dialogue(where, tuple(turns)) if turns else Dropped(where, "empty_question")


def _long(path: str, names: Sequence[str], rows: Rows) -> Iterator[Item]:
    """A dialogue begins where the number of the sentence does not go on."""
    speaker, text, number = (names.index(name) for name in (SPEAKER, TEXT, NUMBER))
    turns: list[Turn] = []
    first, last = 0, 0
    for line, cells in rows:
        where = f"{path}:{line}"
        if len(cells) != len(names):
            yield misfit(where, cells, len(names))
            continue
        role, place = ROLES.get(cells[speaker].strip()), cells[number].strip().removesuffix(".0")
        if role is None or not place.isdecimal():
            fault = Phrase(
                "speaker {speaker}, number of the sentence {number}. Expected one of: {roles}; and a whole number.",
                speaker=excerpt(cells[speaker]),
                number=excerpt(cells[number]),
                roles=", ".join(ROLES),
            )
            yield Faulty(where, "no_speaker", fault)
            continue
        if turns and int(place) <= last:
            yield Dialogue(f"{path}:{first}", tuple(turns))
            turns = []
        first = first if turns else line
        last = int(place)
        turns.append(Turn(role, cells[text]))
    if turns:
        yield Dialogue(f"{path}:{first}", tuple(turns))


READER = FileReader(score, read)
