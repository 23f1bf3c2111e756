"""Pairs of a question and an answer with a tab between them, one a line, without a header."""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, Turn
from tinychat.corpus.known_formats import recognise
from tinychat.corpus.reader import FileReader, Item, Notes, excerpt
from tinychat.corpus.readers import qa_table
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams


def score(head: list[str], params: CorpusParams) -> float:
    """1 where every line has one tab, and neither a header nor a column of numbers is there; else 0."""
    rows = [line.rstrip("\r\n").split("\t") for line in head if line.strip()]
    if not rows or any(len(cells) != 2 for cells in rows) or qa_table.score(head, params) or recognise(head):
        return 0.0
    columns = zip(*rows, strict=True)
    return float(not any(all(_is_number(cell) for cell in cells[1:] or cells) for cells in columns))


def read(text: TextFile, _: CorpusParams, notes: Notes) -> Iterator[Item]:
    """One item for each line that is not blank."""
    notes.remarks.append("no header: before the tab is the question, behind it the answer")
    for number, raw in enumerate(text.lines(), start=1):
        where, line = f"{text.path}:{number}", raw.rstrip("\r\n")
        cells = line.split("\t")
        if not line.strip():
            continue
        if len(cells) != 2:
            yield Faulty(
                where,
                "too_few_cells" if len(cells) < 2 else "too_many_cells",
                Phrase(
                    "tabs: {tabs}. Found {found}. Expected a question, a tab, and its answer.",
                    tabs=len(cells) - 1,
                    found=excerpt(line),
                ),
            )
        elif not cells[0].strip():
            yield Dropped(where, "empty_question")
        elif not cells[1].strip():
            yield Dropped(where, "empty_answer")
        else:
            yield Dialogue(where, (Turn("user", cells[0]), Turn("assistant", cells[1])))


def _is_number(cell: str) -> bool:
    return not cell.strip() or cell.strip().replace(".", "", 1).isdecimal()


READER = FileReader(score, read)
