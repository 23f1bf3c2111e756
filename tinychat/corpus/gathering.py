"""Reads all sources in order: yields the dialogues that are kept and counts everything else."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty
from tinychat.corpus.masking.block_list import BlockList
from tinychat.corpus.masking.source_mask import SeeFound, SourceMask, tell_of_masking
from tinychat.corpus.messenger import MessengerReader, read_dialogues
from tinychat.corpus.mixing import GatheredSource
from tinychat.corpus.reader import (
    Item,
    Notes,
    Reader,
    SpeakerReader,
    choose_reader,
    excerpts,
    find_readers,
    folder_reader,
)
from tinychat.corpus.sources import find_file, list_sources
from tinychat.corpus.spoken import read_spoken
from tinychat.corpus.tally import SHOWN, Tally
from tinychat.corpus.text_files import TextFile, open_text_file
from tinychat.corpus.text_keys import dialogue_digest
from tinychat.corpus.turns import TurnCounts, tidy_turns
from tinychat.errors import InputError, Phrase, joined
from tinychat.params.sections import CorpusParams, SourceParams
from tinychat.printing import say


@dataclass
class Rows:
    """rows read = rows kept + rows dropped by reason: of one reader or of all."""

    sources: int = 0
    read: int = 0
    kept: int = 0
    dropped: Tally = field(default_factory=Tally)

    def merge(self, other: "Rows") -> None:
        self.sources += other.sources
        self.read += other.read
        self.kept += other.kept
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
    seen: set[bytes] | None = None,
    blocked: BlockList | None = None,
) -> Iterator[Dialogue]:
    """The dialogues of all sources, one after another: cleaned, joined, checked, without duplicates.

    A line about each source goes to `tell`. `seen`: digests of dialogues that were gathered before. `blocked`: the
    person's own words to mask.

    Raises InputError for a source that cannot be read or of which nothing can be kept, and under
    `on_error: stop` for the first faulty row.
    """
    sources = list_sources(raw, params)
    if params.sources == "auto" and sources[0].file is None:
        tell(f"{raw} holds no dialogues: taking the sample, the starter corpus in data/starter")
    if any(source.file for source in sources):
        tell_of_masking(params.mask, blocked, tell)
    known = find_readers()
    seen = set() if seen is None else seen
    for number, source in enumerate(sources, start=1):
        for dialogue in _gather_source(source, raw, params, known, counts, seen, tell, blocked):
            yield replace(dialogue, source_number=number) if len(sources) > 1 else dialogue


def _gather_source(
    source: SourceParams,
    raw: Path,
    params: CorpusParams,
    known: dict[str, Reader],
    counts: Counts,
    seen: set[bytes],
    tell: Callable[..., None],
    blocked: BlockList | None,
) -> Iterator[Dialogue]:
    notes = Notes()
    masks = source.corpus is None and params.mask.enabled
    mask = SourceMask(params.mask.leave, blocked, notes.speakers, counts.masked, counts.see_masked) if masks else None
    title, reader_name, items = _open(source, raw, params, known, counts, notes, tell)
    own = Rows(sources=1)
    faulty = 0
    for item in items:
        own.read += 1
        if isinstance(item, Faulty):
            if params.on_error == "stop":
                raise InputError("{place}: {problem}", place=item.where, problem=item.message)
            faulty += 1
            counts.faults_skipped.append(f"{item.where}: {item.message}")
            del counts.faults_skipped[SHOWN:]
        kept = _keep(item, counts.turns, seen, mask)
        if isinstance(kept, Dropped):
            own.dropped.add(kept.reason, kept.where)
        else:
            own.kept += 1
            yield kept
    _refuse_misfit(title, reader_name, own, faulty if source.format is not None else 0)
    counts.rows.merge(own)
    counts.by_reader.setdefault(reader_name, Rows()).merge(own)
    counts.sources.append(GatheredSource(source, source.file or str(source.corpus), reader_name))
    counts.turns.dropped.merge(notes.messages_dropped)
    counts.parts_dropped.merge(notes.parts_dropped)
    unused = [f"not used: {excerpts(notes.unused)}"] if notes.unused else []
    counts.remarks += [*notes.remarks, *unused]
    counts.prompts += notes.prompts
    tell("; ".join([f"{title}: {reader_name}, {own.read:,} rows, {own.kept:,} kept", *notes.remarks, *unused]))


def _open(
    source: SourceParams,
    raw: Path,
    params: CorpusParams,
    known: dict[str, Reader],
    counts: Counts,
    notes: Notes,
    tell: Callable[..., None],
) -> tuple[str, str, Iterator[Item]]:
    """The title of the source, its reader's name, and its items."""
    if source.corpus is not None:
        reader = folder_reader(source.corpus, known)
        folder = raw.parent.parent / reader.folder
        return str(reader.folder), source.corpus, reader.read(folder, params, notes)
    assert source.file is not None  # SourceParams is one of the two
    text = open_text_file(find_file(raw, source.file))
    if text.codec != "utf-8":
        tell(f"{text.path}: read as {text.encoding}", stderr=True)
    if text.nul_count:
        tell(f"{text.path}: {text.nul_count} NUL characters left out", stderr=True)
    counts.nul_characters += text.nul_count
    name, file_reader = choose_reader(text, source.format, known, params)
    if isinstance(file_reader, MessengerReader):
        return str(text.path), name, _of_messenger(file_reader, text, source, notes)
    if source.gap_minutes is not None or source.date_order is not None:
        raise InputError(
            "params.yaml: corpus.sources: {file} is {format}: gap_minutes and date_order are for exports of messengers",
            file=source.file,
            format=name,
        )
    if isinstance(file_reader, SpeakerReader):
        return str(text.path), name, read_spoken(file_reader, text, source, notes)
    if source.assistant is not None:
        raise InputError(
            "params.yaml: corpus.sources: {file} is {format}, whose roles are known; leave assistant out",
            file=source.file,
            format=name,
        )
    return str(text.path), name, file_reader.read(text, params, notes)


def _of_messenger(reader: MessengerReader, text: TextFile, source: SourceParams, notes: Notes) -> Iterator[Item]:
    return read_dialogues(reader, text, source, notes.messages_dropped, notes.remarks, notes.speakers)


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
