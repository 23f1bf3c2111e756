"""Reads all sources in order: yields the dialogues that are kept and counts everything else."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile

from tinychat.corpus.conversations import read_dialogues
from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, from_record, to_record
from tinychat.corpus.masking.block_list import BlockList
from tinychat.corpus.masking.source_mask import SeeFound, SourceMask, tell_of_masking
from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.mixing import GatheredSource
from tinychat.corpus.opening import Opened, as_one, one_room_each, open_source
from tinychat.corpus.reader import FileReader, FolderReader, Item, Notes, SpeakerReader, excerpts, find_readers
from tinychat.corpus.sources import list_sources
from tinychat.corpus.spoken import read_spoken
from tinychat.corpus.tally import SHOWN, Tally
from tinychat.corpus.text_keys import dialogue_digest
from tinychat.corpus.turns import TurnCounts, tidy_turns
from tinychat.errors import InputError, Phrase, joined
from tinychat.files import to_json_lines
from tinychat.params.sections import CorpusParams
from tinychat.printing import say


@dataclass
class Rows:
    """rows read = rows kept + rows dropped by reason: of one reader or of all. Faulty ones are among the dropped."""

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
    faults_skipped: list[str] = field(default_factory=list)
    sources: list[GatheredSource] = field(default_factory=list)  # in the order of their numbers
    remarks: list[str] = field(default_factory=list)  # of the readers, for the person
    prompts: list[str] = field(default_factory=list)  # of a corpus in the project


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
    if any(one.text is not None for one in opened):
        tell_of_masking(params.mask, blocked, tell)
    seen: set[bytes] = set()
    for one in opened:
        counts.nul_characters += one.text.nul_count if one.text is not None else 0
    sources = one_room_each(opened)
    for number, parts in enumerate(sources, start=1):
        for dialogue in _gather_parts(parts, params, counts, seen, tell, blocked):
            yield replace(dialogue, source_number=number) if len(sources) > 1 else dialogue


def _gather_parts(
    parts: Sequence[Opened],
    params: CorpusParams,
    counts: Counts,
    seen: set[bytes],
    tell: Callable[..., None],
    blocked: BlockList | None,
) -> Iterator[Dialogue]:
    """The dialogues of a source, or of several that are parts of one room."""
    notes = Notes()
    masks = parts[0].text is not None and params.mask.enabled
    mask = SourceMask(params.mask.leave, blocked, notes.speakers, counts.masked, counts.see_masked) if masks else None
    first, source = parts[0], as_one([part.source for part in parts])
    title = ", ".join(part.title for part in parts)
    own = Rows(sources=len(parts))
    kept = _kept(_items(parts, params, notes), own, params, counts, seen, mask)
    yield from kept if source.limit is None else _evenly(kept, source.limit, own, seen)
    _refuse_misfit(title, first.reader_name, own, own.faulty if first.source.format is not None else 0)
    counts.rows.merge(own)
    counts.by_reader.setdefault(first.reader_name, Rows()).merge(own)
    name = ", ".join(part.source.file or str(part.source.corpus) for part in parts)
    counts.sources.append(GatheredSource(source, name, first.reader_name, tuple(part.source for part in parts)))
    counts.turns.dropped.merge(notes.messages_dropped)
    counts.parts_dropped.merge(notes.parts_dropped)
    unused = [f"not used: {excerpts(notes.unused)}"] if notes.unused else []
    counts.remarks += [*notes.remarks, *unused]
    counts.prompts += notes.prompts
    tell("; ".join([f"{title}: {first.reader_name}, {own.read:,} rows, {own.kept:,} kept", *notes.remarks, *unused]))


def _items(parts: Sequence[Opened], params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """What the reader gives."""
    first = parts[0]
    if first.text is None:
        assert isinstance(first.reader, FolderReader)
        return first.reader.read(first.folder, params, notes)
    if isinstance(first.reader, MessengerReader):
        files = [part.text for part in parts if part.text is not None]
        return read_dialogues(
            first.reader, [files], first.source, notes.messages_dropped, notes.remarks, notes.speakers
        )
    if isinstance(first.reader, SpeakerReader):
        return read_spoken(first.reader, first.text, first.source, notes)
    assert isinstance(first.reader, FileReader)
    return first.reader.read(first.text, params, notes)


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


def _evenly(dialogues: Iterable[Dialogue], limit: int, own: Rows, seen: set[bytes]) -> Iterator[Dialogue]:
    """At most `limit` of the dialogues, spread evenly over the source, so that all its years are in it.

    They wait in a temporary file until their number is known. Those left out are dropped and counted, and another
    source may have them.
    """
    with TemporaryFile("w+", encoding="utf-8", newline="\n") as file:
        for dialogue in dialogues:
            file.write(to_json_lines([[dialogue.source, dialogue.split, to_record(dialogue)]]))
        file.seek(0)
        total = own.kept
        for number, line in enumerate(file):
            source, split, record = json.loads(line)
            dialogue = replace(from_record(record, source), split=split)
            if total <= limit or (number + 1) * limit // total > number * limit // total:
                yield dialogue
            else:
                own.kept -= 1
                own.dropped.add("over_the_limit", source)
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
