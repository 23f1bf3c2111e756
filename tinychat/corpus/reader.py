"""The interface of readers, and their registry. (claiming.py chooses one for a file.)

A reader is a module in `readers/` with one value `READER`, found at run time. Its name is its file's name.

It yields one item per row, in the file's order: the raw dialogue (cleaning, joining of turns and deduplication come
later), a row that is always dropped, or a faulty row, which `corpus.on_error` stops at or skips. It raises
InputError where the file as a whole cannot be read. Whether a file was packed is nothing that it sees.
"""

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tinychat.corpus import readers
from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty
from tinychat.corpus.masking.masker import Masker
from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.raw_files import RawFile
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.params.sections import CorpusParams, SourceParams

EXCERPT = 60
BEFORE_EXCERPT = 2000  # characters to mask before the excerpt is cut: a number that is cut has no form
MASKER = Masker()
MAX_NAMES = 8


Item = Dialogue | Dropped | Faulty


@dataclass
class Notes:
    """What a reader leaves out of rows that it keeps."""

    messages_dropped: Tally = field(default_factory=Tally)
    parts_dropped: Tally = field(default_factory=Tally)
    # Printed with the source: which columns were taken, which columns or keys were not read.
    remarks: list[str] = field(default_factory=list)
    unused: dict[str, None] = field(default_factory=dict)
    # Of a corpus in the project: prompts that show what it is for.
    prompts: list[str] = field(default_factory=list)
    # Names of those who speak, before the first dialogue where they are known: they are masked in the texts.
    speakers: set[str] = field(default_factory=set)

    def note_unused(self, found: Iterable[str], used: Collection[str]) -> None:
        """Note the names of `found` that are not in `used`, each once."""
        self.unused.update((name, None) for name in found if name not in used)

    def lines(self) -> list[str]:
        """The remarks, and one about what was not read."""
        return [*self.remarks, *([f"not used: {excerpts(self.unused)}"] if self.unused else [])]

    def remark_once(self, remark: str) -> None:
        """Print a remark with the source, however often it is made."""
        if remark not in self.remarks:
            self.remarks.append(remark)


@dataclass(frozen=True)
class FileReader:
    """Reads one format of files.

    `score(head, params)`: the share of the records in the first lines of a file that fit the format, 0 to 1.
    `suffixes`: a file with such a suffix is read by this reader if none scores MIN_SCORE, so that the error names what
    is wrong with it.
    `options`: what a source may say of it: `header`, `columns`, `sheet`.
    """

    score: Callable[[list[str], CorpusParams], float]
    read: Callable[[TextFile, CorpusParams, Notes], Iterator[Item]]
    suffixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpokenDialogue:
    """What each speaker said, by name, in its order; who of them is the bot is decided later (spoken.py).

    None instead of a text: a message that the reader left out and counted. What answers it is left out, too.
    """

    source: str
    said: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class SpeakerReader:
    """Reads one format of dialogues between speakers with names, who are neither user nor bot yet.

    `score` as of a FileReader.
    `names_hold`: whether a name is the same person in all dialogues of a file; if not, the speakers of each dialogue
    are looked at for themselves.
    `partner`: who of two speakers is the bot by its name, such as 챗봇; None: their names do not tell.
    `options`: what a source may say of it beside `assistant`: `original_form`, `drop_masked`.
    """

    score: Callable[[list[str], CorpusParams], float]
    dialogues: Callable[[TextFile, SourceParams, Notes], Iterator[SpokenDialogue | Dropped | Faulty]]
    names_hold: bool = False
    partner: Callable[[Collection[str]], str | None] = lambda _: None
    suffixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class BinaryReader:
    """Reads one format of files that are not text.

    `score(file, params)`: 1 where the file is of the format, by its first bytes; else 0.
    `read` raises UnclaimedError before its first item where such a file has nothing that could be dialogues.
    `options` as of a FileReader.
    """

    score: Callable[[RawFile, CorpusParams], float]
    read: Callable[[RawFile, CorpusParams, Notes], Iterator[Item]]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class FolderReader:
    """Reads a corpus that is a folder of the project."""

    folder: Path
    read: Callable[[Path, CorpusParams, Notes], Iterator[Item]]


TextReader = FileReader | MessengerReader | SpeakerReader
RawReader = TextReader | BinaryReader
Reader = RawReader | FolderReader


def find_readers() -> dict[str, Reader]:
    """Every module in `readers/` by its name. A new source is a new file there, and nothing else."""
    names = sorted(module.name for module in pkgutil.iter_modules(readers.__path__))
    return {name: importlib.import_module(f"{readers.__name__}.{name}").READER for name in names}


def folder_reader(name: str, known: dict[str, Reader]) -> FolderReader:
    """The reader of a corpus in the project."""
    reader = known[name]
    assert isinstance(reader, FolderReader), name
    return reader


def excerpt(text: str) -> str:
    """The first 60 characters in quotes, on one line, without control characters and personal data."""
    text = MASKER.masked(text[:BEFORE_EXCERPT])
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:EXCERPT])
    return f'"{shown}{"…" if len(text) > EXCERPT else ""}"'


def excerpts(names: Iterable[str]) -> str:
    """The first 8 names as excerpts, with `…` where there are more; perhaps none."""
    first = [excerpt(name) for name in islice(names, MAX_NAMES + 1)]
    return ", ".join(first if len(first) <= MAX_NAMES else [*first[:MAX_NAMES], "…"])
