"""The rows of a source in their order, and what is to be counted and told once they are tidied.

Rows are read ahead of what becomes of them, so that other processes can tidy them meanwhile. So nothing here depends on
which of them are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from tinychat.corpus.claiming import items_of
from tinychat.corpus.counts import Counts, Rows
from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.mixing import GatheredSource
from tinychat.corpus.opening import Opened, as_one
from tinychat.corpus.packed_files import PackedFiles
from tinychat.corpus.reader import FolderReader, Item, Notes
from tinychat.corpus.tally import SHOWN
from tinychat.errors import InputError, Phrase, joined
from tinychat.params.sections import CorpusParams


@dataclass(frozen=True)
class Row:
    """A row, where it is counted, and the names to mask in it; None: nothing is masked."""

    item: Item
    rows: Rows
    speakers: set[str] | None


@dataclass(frozen=True)
class Then:
    """What is to be done when all rows before it were counted; `last`: there are no more of the source."""

    do: Callable[[], None]
    last: bool = False


@dataclass
class SourceRows:
    """The rows of a source: a file, several of one room, a folder, an archive, or a corpus of the project."""

    parts: Sequence[Opened]
    params: CorpusParams
    counts: Counts
    tell: Callable[..., None]
    rows: Rows = field(default_factory=Rows)
    _read: list[tuple[str, Rows]] = field(default_factory=list)  # by which reader, what of it

    @property
    def limit(self) -> int | None:
        """How many dialogues of it are taken at most."""
        return as_one([part.source for part in self.parts]).limit

    @cached_property
    def size(self) -> int:
        """Its bytes; none of a corpus of the project, which is small."""
        paths = [part.path for part in self.parts if part.source.file is not None]
        return sum(file.stat().st_size for path in paths for file in _files_in(path))

    def position(self) -> int:
        """How many of its bytes were read; of a folder or an archive that is not known until all are."""
        return sum(part.text.position() for part in self.parts if part.text is not None)

    def read(self) -> Iterator[Row | Then]:
        """All of it. Raises InputError where it cannot be read, and under `on_error: stop` for the first faulty row."""
        first = self.parts[0]
        if first.reader is None:
            yield from self._packed(first)
            return
        notes = Notes()
        own = Rows(sources=len(self.parts))
        if isinstance(first.reader, FolderReader):
            yield from self._counted(first.reader.read(first.path, self.params, notes), own, None)
        else:
            rooms = [[part.file for part in self.parts if part.file is not None]]
            items = items_of(first.reader, rooms, first.source, self.params, notes)
            yield from self._counted(items, own, notes)
        self._read.append((first.reader_name, own))
        yield Then(partial(self._end, notes), last=True)

    def _packed(self, one: Opened) -> Iterator[Row | Then]:
        """The rows of a folder or an archive, where what no reader takes is left out."""
        found = PackedFiles(one, self.tell)
        for part, items, notes in found.parts(self.params):
            own = Rows(sources=len(part.files))
            yield from self._counted(items, own, notes)
            self._read.append((part.name, own))
            yield Then(partial(self.counts.add_notes, notes))
        yield Then(partial(self._end_packed, found), last=True)

    def _counted(self, items: Iterator[Item], rows: Rows, notes: Notes | None) -> Iterator[Row]:
        speakers = notes.speakers if notes is not None and self.params.mask.enabled else None
        for item in items:
            rows.read += 1
            if isinstance(item, Faulty):
                if self.params.on_error == "stop":
                    raise InputError("{place}: {problem}", place=item.where, problem=item.message)
                rows.faulty += 1
                rows.first_fault = rows.first_fault or item.message
                self.counts.faults_skipped.append(f"{item.where}: {item.message}")
                del self.counts.faults_skipped[SHOWN:]
            yield Row(item, rows, speakers)

    def _end(self, notes: Notes) -> None:
        self.counts.add_notes(notes)
        self.counts.remarks += notes.lines()
        first = self.parts[0]
        title = ", ".join(part.title for part in self.parts)
        self._count(title, first.reader_name)
        self.tell("; ".join([f"{title}: {first.reader_name}, {self._numbers()}", *notes.lines()]))

    def _end_packed(self, found: PackedFiles) -> None:
        self.counts.nul_characters += found.nul_characters
        self.counts.files_left_out.merge(found.left_out)
        self.counts.remarks += found.remarks()
        self._count(found.one.title, found.format)
        for line in found.lines(self._numbers()):
            self.tell(line)

    def _count(self, title: str, reader_name: str) -> None:
        """Count the source. Raises InputError where it has no dialogue, or is of another format than the named one."""
        for _, own in self._read:
            self.rows.merge(own)
        named = self.parts[0].source.format is not None
        _refuse_misfit(title, reader_name, self.rows, self.rows.faulty if named else 0)
        self.counts.rows.merge(self.rows)
        for name, own in self._read:
            self.counts.by_reader.setdefault(name, Rows()).merge(own)
        sources = tuple(part.source for part in self.parts)
        files = ", ".join(source.file or str(source.corpus) for source in sources)
        self.counts.sources.append(GatheredSource(as_one(sources), files, reader_name, sources))

    def _numbers(self) -> str:
        """How many rows were read and kept, in words; and whether the source is a copy of another."""
        repeats = self.rows.dropped.counts["repeat"]
        copy = repeats and not self.rows.kept
        said = f"; all its {repeats:,} dialogues were read before: is it a copy?" if copy else ""
        return f"{self.rows.read:,} rows, {self.rows.kept:,} kept{said}"


def _files_in(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def _refuse_misfit(title: str, reader_name: str, rows: Rows, faulty: int) -> None:
    """Raise InputError where a reader yields no dialogue, or mostly faulty rows although params.yaml names it."""
    reasons = joined("; ", rows.dropped.lines()) or Phrase("it has no rows")
    if rows.first_fault:
        reasons = Phrase("{reasons} (the first: {fault})", reasons=reasons, fault=rows.first_fault)
    if faulty * 2 > rows.read:
        raise InputError(
            "{source}: {faulty} of {rows} rows are faulty as {format}: {reasons}. Is it another format?",
            source=title,
            faulty=faulty,
            rows=rows.read,
            format=reader_name,
            reasons=reasons,
        )
    if rows.kept == 0 and not rows.dropped.counts["repeat"]:
        raise InputError(
            "{source}: no dialogue is left of its {rows} rows as {format}: {reasons}.",
            source=title,
            rows=rows.read,
            format=reader_name,
            reasons=reasons,
        )
