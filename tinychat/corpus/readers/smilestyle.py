"""SmileStyle (TSV): a column for each style of speech, a row for each utterance, an empty row between dialogues."""

from collections.abc import Iterator

from tinychat.corpus.csv_rows import csv_rows, misfit
from tinychat.corpus.dialogue import Dialogue, Turn
from tinychat.corpus.reader import FileReader, Item, Notes
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams

STYLES = ("formal", "informal", "android", "azae", "chat", "choding", "emoticon", "enfp", "gentle", "halbae")
USUAL = "informal"
LICENCE = "SmileStyle: licence CC BY-NC"


def score(head: list[str], _: CorpusParams) -> float:
    """1 where the header names the styles; else 0."""
    names = head[0].rstrip("\r\n").split("\t") if head else []
    return float(set(names) >= set(STYLES))


def read(text: TextFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """A dialogue for each block of rows, the user's first.

    `corpus.columns` names the style of the user (question) and of the bot (answer). A dialogue ends where a cell of
    them is empty. Raises InputError for a style that the header lacks, and for broken quotes.
    """
    rows = csv_rows(text, "\t", keep_blank=True)
    _, names = next(rows)
    wanted = {"question": params.columns.question or USUAL, "answer": params.columns.answer or USUAL}
    for role, style in wanted.items():
        if style not in names:
            raise InputError(
                "{path}: {problem}",
                path=text.path,
                problem=Phrase(
                    "no column {name!r}, which {key}.{role} names. Found: {found}.",
                    name=style,
                    key=params.tables.key,
                    role=role,
                    found=", ".join(names),
                ),
            )
    columns = [names.index(style) for style in wanted.values()]
    notes.remarks += [LICENCE, f"style of the user: {wanted['question']}, of the bot: {wanted['answer']}"]
    turns: list[Turn] = []
    first = 0
    for line, cells in rows:
        if len(cells) not in (0, len(names)):
            yield misfit(f"{text.path}:{line}", cells, len(names))
            cells = []
        said = cells[columns[len(turns) % 2]] if cells else ""
        if said.strip():
            first = first if turns else line
            turns.append(Turn("assistant" if len(turns) % 2 else "user", said))
            continue
        if "".join(cells).strip():
            notes.parts_dropped.add("empty_cell", f"{text.path}:{line}")
        if turns:
            yield Dialogue(f"{text.path}:{first}", tuple(turns))
        turns = []
    if turns:
        yield Dialogue(f"{text.path}:{first}", tuple(turns))


READER = FileReader(score, read, options=("columns",))
