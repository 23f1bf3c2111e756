"""What a reader is: a module in `readers/` with one value `READER`, found at run time. Its name is its file's name.

A reader yields one item a row, in the file's order: the dialogue as it stands there (cleaning, joining of turns and
repeats come later), a row that is always dropped, or a faulty row, for which `corpus.on_error` says what happens.
It raises InputError where the file as a whole cannot be read.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tinychat.corpus.dialogue import Dialogue, Dropped
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.params import CorpusParams

EXCERPT = 60
MOST_NAMES = 8


@dataclass(frozen=True)
class Faulty:
    """A row that breaks its format's rules: an error under `on_error: stop`, dropped and shown under `skip`.

    `reason` is counted in the metrics, so it is a fixed word; `message` says what was found and what would be right.
    """

    where: str
    reason: str
    message: str


Item = Dialogue | Dropped | Faulty


@dataclass
class Notes:
    """What a reader leaves out inside of rows that it keeps."""

    messages_dropped: Tally = field(default_factory=Tally)
    parts_dropped: Tally = field(default_factory=Tally)
    # Told to the person in the source's line: which columns were taken, which columns or keys nobody reads.
    remarks: list[str] = field(default_factory=list)
    unused: dict[str, None] = field(default_factory=dict)

    def see_keys(self, found: Iterable[str], used: Collection[str]) -> None:
        """Remember the names of `found` that are not in `used`, each once."""
        self.unused.update((name, None) for name in found if name not in used)


@dataclass(frozen=True)
class FileReader:
    """Reads one format of files.

    `score(head, params)`: the share of the records in the first lines of a file that fit the format, 0 to 1.
    `suffixes`: where no reader scores 0.5, a file of this ending is read by this one, to say what is wrong with it.
    """

    score: Callable[[list[str], CorpusParams], float]
    read: Callable[[TextFile, CorpusParams, Notes], Iterator[Item]]
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FolderReader:
    """Reads a folder of the project that holds a corpus of its own kind."""

    folder: Path
    read: Callable[[Path, CorpusParams, Notes], Iterator[Item]]


Reader = FileReader | FolderReader


def excerpt(text: str) -> str:
    """The first 60 characters in quotes, on one line, with nothing that a terminal would act on."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:EXCERPT])
    return f'"{shown}{"…" if len(text) > EXCERPT else ""}"'


def excerpts(names: Iterable[str]) -> str:
    """The first 8 names as excerpts, with `…` where there are more; perhaps none."""
    first = [excerpt(name) for name in islice(names, MOST_NAMES + 1)]
    return ", ".join(first if len(first) <= MOST_NAMES else [*first[:MOST_NAMES], "…"])
