"""Reads all sources in order: yields the dialogues that are kept and counts everything else."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile

from tinychat.corpus.claiming import items_of
from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, from_record, to_record
from tinychat.corpus.masking.block_list import BlockList
from tinychat.corpus.masking.source_mask import SeeFound, SourceMask, tell_of_masking
from tinychat.corpus.mixing import GatheredSource
from tinychat.corpus.opening import Opened, as_one, one_room_each, open_source
from tinychat.corpus.packed_files import PackedFiles
from tinychat.corpus.reader import FolderReader, Item, Notes, find_readers
from tinychat.corpus.sources import list_sources
from tinychat.corpus.tally import SHOWN, Tally
from tinychat.corpus.text_keys import dialogue_digest
from tinychat.corpus.turns import TurnCounts, tidy_turns
from tinychat.errors import InputError, Phrase, joined
from tinychat.files import to_json_lines
from tinychat.params.sections import CorpusParams, SourceParams
from tinychat.printing import say


@dataclass
class Rows:
    """rows read = rows kept + rows dropped by reason: of one reader or of all. Faulty ones are among the dropped.

    `sources`: files, those in folders and archives too, and corpora of the project.
    """

    sources: int = 0
    read: int = 0
    kept: int = 0
    faulty: int = 0
    first_fault: str = ""
    dropped: Tally = field(default_factory=Tally)

    def merge(self, other: "Rows") -> None:
        self.sources += other.sources
        self.read += other.read
        self.kept += other.kept
        self.faulty += other.faulty
        self.dropped.merge(other.dropped)


@dataclass
class Counts:
    """What is counted while dialogues are gathered."""

    rows: Rows = field(default_factory=Rows)
    by_reader: dict[str, Rows] = field(default_factory=dict)
    turns: TurnCounts = field(default_factory=TurnCounts)
    parts_dropped: Tally = field(default_factory=Tally)
    nul_characters: int = 0
    masked: Counter[str] = field(default_factory=Counter)  # personal data in dialogues that were kept, by kind
    see_masked: SeeFound | None = None  # shown to the person, never written
    files_left_out: Tally = field(default_factory=Tally)  # of folders and archives, by why no reader takes them
    faults_skipped: list[str] = field(default_factory=list)
    sources: list[GatheredSource] = field(default_factory=list)  # in the order of their numbers
    remarks: list[str] = field(default_factory=list)  # of the readers, for the person
    prompts: list[str] = field(default_factory=list)  # of a corpus in the project

    def add_notes(self, notes: Notes) -> None:
        """Count what a reader left out of rows that it kept."""
        self.turns.dropped.merge(notes.messages_dropped)
        self.parts_dropped.merge(notes.parts_dropped)
        self.prompts += notes.prompts


def gather(
    raw: Path,
    params: CorpusParams,
    counts: Counts,
    tell: Callable[..., None] = say,
    blocked: BlockList | None = None,
) -> Iterator[Dialogue]:
    """The dialogues of all sources, one after another: cleaned, joined, checked, without duplicates.

    A line about each source goes to `tell`. `blocked`: the person's own words to mask.

    Raises InputError for a source that cannot be read or of which nothing can be kept, and under
    `on_error: stop` for the first faulty row.
    """
    sources = list_sources(raw, params)
    if params.sources == "auto" and sources[0].file is None:
        tell(f"{raw} holds no dialogues: taking the sample, the starter corpus in data/starter")
    known = find_readers()
    opened = [open_source(source, raw, params, known, tell) for source in sources]
    yield from read_all(opened, params, counts, tell, blocked)


def read_all(
    opened: Sequence[Opened],
    params: CorpusParams,
    counts: Counts,
    tell: Callable[..., None],
    blocked: BlockList | None,
) -> Iterator[Dialogue]:
    """The dialogues of these sources, in their order; files of one room of a messenger are read as one source."""
    if any(one.source.file is not None for one in opened):
        tell_of_masking(params.mask, blocked, tell)
    seen: set[bytes] = set()
    for one in opened:
        counts.nul_characters += one.text.nul_count if one.text is not None else 0
    sources = one_room_each(opened)
    for number, parts in enumerate(sources, start=1):
        gathering = _SourceGathering(params, counts, seen, tell, blocked)
        for dialogue in gathering.packed(parts[0]) if parts[0].reader is None else gathering.files(parts):
            yield replace(dialogue, source_number=number) if len(sources) > 1 else dialogue


@dataclass
class _SourceGathering:
    """The gathering of one source."""

    params: CorpusParams
    counts: Counts
    seen: set[bytes]
    tell: Callable[..., None]
    blocked: BlockList | None
    rows: Rows = field(default_factory=Rows)
    by_reader: dict[str, Rows] = field(default_factory=dict)
    reader_of: dict[str, str] = field(default_factory=dict)  # of each file of a folder or an archive

    def files(self, parts: Sequence[Opened]) -> Iterator[Dialogue]:
        """The dialogues of a file or a corpus of the project, or of several files that are parts of one room."""
        first, notes = parts[0], Notes()
        self.rows.sources = len(parts)
        self.by_reader = {first.reader_name: self.rows}
        if isinstance(first.reader, FolderReader):
            yield from self._limited(
                self._kept(first.reader.read(first.path, self.params, notes), self.rows, None), first.source
            )
        elif first.reader is not None:
            rooms = [[part.file for part in parts if part.file is not None]]
            items = items_of(first.reader, rooms, first.source, self.params, notes)
            kept = self._kept(items, self.rows, self._mask(notes))
            yield from self._limited(kept, as_one([part.source for part in parts]))
        self.counts.add_notes(notes)
        self.counts.remarks += notes.lines()
        title = ", ".join(part.title for part in parts)
        self._end(title, first.reader_name, parts)
        self.tell("; ".join([f"{title}: {first.reader_name}, {self._numbers()}", *notes.lines()]))

    def packed(self, one: Opened) -> Iterator[Dialogue]:
        """The dialogues of a folder or an archive, where what no reader takes is left out."""
        found = PackedFiles(one, self.tell)
        yield from self._limited(self._kept_of_all(found), one.source)
        self.counts.nul_characters += found.nul_characters
        self.counts.files_left_out.merge(found.left_out)
        self.counts.remarks += found.remarks()
        self._end(one.title, found.format, [one])
        for line in found.lines(self._numbers()):
            self.tell(line)

    def _kept_of_all(self, found: PackedFiles) -> Iterator[Dialogue]:
        for part, items, notes in found.parts(self.params):
            own = Rows(sources=len(part.files))
            self.reader_of |= {str(file.path): part.name for file in part.files}
            yield from self._kept(items, own, self._mask(notes))
            self.rows.merge(own)
            self.by_reader.setdefault(part.name, Rows()).merge(own)
            self.counts.add_notes(notes)

    def _mask(self, notes: Notes) -> SourceMask | None:
        counts, mask = self.counts, self.params.mask
        return (
            SourceMask(mask.leave, self.blocked, notes.speakers, counts.masked, counts.see_masked)
            if mask.enabled
            else None
        )

    def _kept(self, items: Iterable[Item], rows: Rows, mask: SourceMask | None) -> Iterator[Dialogue]:
        return _kept(items, rows, self.params, self.counts, self.seen, mask)

    def _limited(self, kept: Iterator[Dialogue], source: SourceParams) -> Iterator[Dialogue]:
        return kept if source.limit is None else _evenly(kept, source.limit, self._rows_of, self.seen)

    def _rows_of(self, dialogue: Dialogue) -> list[Rows]:
        """Where it is counted: in the rows of the source, and of its reader if these are not all of them."""
        reader = self.reader_of.get(dialogue.file)
        return [self.rows] if reader is None else [self.rows, self.by_reader[reader]]

    def _end(self, title: str, reader_name: str, parts: Sequence[Opened]) -> None:
        """Count the source. Raises InputError where it has no dialogue, or is of another format than the named one."""
        _refuse_misfit(title, reader_name, self.rows, self.rows.faulty if parts[0].source.format is not None else 0)
        self.counts.rows.merge(self.rows)
        for name, rows in self.by_reader.items():
            self.counts.by_reader.setdefault(name, Rows()).merge(rows)
        sources = tuple(part.source for part in parts)
        files = ", ".join(source.file or str(source.corpus) for source in sources)
        self.counts.sources.append(GatheredSource(as_one(sources), files, reader_name, sources))

    def _numbers(self) -> str:
        """How many rows were read and kept, in words; and whether the source is a copy of another."""
        repeats = self.rows.dropped.counts["repeat"]
        copy = repeats and not self.rows.kept
        said = f"; all its {repeats:,} dialogues were read before: is it a copy?" if copy else ""
        return f"{self.rows.read:,} rows, {self.rows.kept:,} kept{said}"


def _kept(
    items: Iterable[Item],
    own: Rows,
    params: CorpusParams,
    counts: Counts,
    seen: set[bytes],
    mask: SourceMask | None,
) -> Iterator[Dialogue]:
    """The dialogues that are kept; all items are counted. Raises InputError for a faulty row under on_error: stop."""
    for item in items:
        own.read += 1
        if isinstance(item, Faulty):
            if params.on_error == "stop":
                raise InputError("{place}: {problem}", place=item.where, problem=item.message)
            own.faulty += 1
            own.first_fault = own.first_fault or item.message
            counts.faults_skipped.append(f"{item.where}: {item.message}")
            del counts.faults_skipped[SHOWN:]
        kept = _keep(item, counts.turns, seen, mask)
        if isinstance(kept, Dropped):
            own.dropped.add(kept.reason, kept.where)
        else:
            own.kept += 1
            yield kept


def _evenly(
    dialogues: Iterable[Dialogue], limit: int, rows_of: Callable[[Dialogue], Sequence[Rows]], seen: set[bytes]
) -> Iterator[Dialogue]:
    """At most `limit` of the dialogues, spread evenly over the source, so that all its years are in it.

    They wait in a temporary file until their number is known. Those left out are dropped and counted in `rows_of` them,
    and another source may have them.
    """
    total = 0
    with TemporaryFile("w+", encoding="utf-8", newline="\n") as file:
        for dialogue in dialogues:
            file.write(to_json_lines([[dialogue.source, dialogue.split, to_record(dialogue)]]))
            total += 1
        file.seek(0)
        for number, line in enumerate(file):
            source, split, record = json.loads(line)
            dialogue = replace(from_record(record, source), split=split)
            if total <= limit or (number + 1) * limit // total > number * limit // total:
                yield dialogue
                continue
            for rows in rows_of(dialogue):
                rows.kept -= 1
                rows.dropped.add("over_the_limit", source)
            seen.discard(dialogue_digest(dialogue))


def _keep(item: Item, counts: TurnCounts, seen: set[bytes], mask: SourceMask | None) -> Dialogue | Dropped:
    if isinstance(item, Faulty):
        return Dropped(item.where, item.reason)
    if isinstance(item, Dropped):
        return item
    tidy = tidy_turns(item, counts, mask)
    found = mask.take_found() if mask else []
    if isinstance(tidy, Dialogue) and tidy.split in (None, "train"):  # the evaluation set may repeat training dialogues
        digest = dialogue_digest(tidy)
        if digest in seen:
            return Dropped(tidy.source, "repeat")
        seen.add(digest)
    if mask and isinstance(tidy, Dialogue):
        mask.count(found)
    return tidy


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
