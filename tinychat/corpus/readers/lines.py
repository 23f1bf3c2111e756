"""A text a line, the user's and the bot's in turn, with blank lines between the dialogues.

Any text looks so: it is read only where params.yaml says `format: lines`.
"""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Faulty
from tinychat.corpus.json_records import alternating
from tinychat.corpus.reader import FileReader, Item, Notes, excerpt
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams


def score(head: list[str], _: CorpusParams) -> float:
    """0: never taken for a file by itself."""
    return 0.0


def read(text: TextFile, _: CorpusParams, notes: Notes) -> Iterator[Item]:
    """A dialogue for each block of lines. A block of an odd number of lines is faulty: which line is missing?"""
    first = 0
    block: list[str] = []
    for number, raw in enumerate(text.lines(), start=1):
        line = raw.strip()
        if line:
            first = first if block else number
            block.append(line)
        elif block:
            yield _item(f"{text.path}:{first}", block)
            block = []
    if block:
        yield _item(f"{text.path}:{first}", block)


def _item(where: str, block: list[str]) -> Item:
    if len(block) % 2:
        fault = Phrase(
            "lines in the block that begins here: {count}, an odd number. Found {found}. Expected the user's and the "
            "bot's lines in turn.",
            count=len(block),
            found=excerpt(block[0]),
        )
        return Faulty(where, "odd_lines", fault)
    return Dialogue(where, alternating(block))


READER = FileReader(score, read)
