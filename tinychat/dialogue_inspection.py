"""What a file, a folder or an archive of dialogues holds, before anything is trained on it: `tinychat data inspect`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from tinychat.corpus.claiming import items_of
from tinychat.corpus.counts import Counts
from tinychat.corpus.dialogue import Dialogue, to_record
from tinychat.corpus.gathering import gather
from tinychat.corpus.masking.source_mask import words_to_block
from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.opening import Opened
from tinychat.corpus.packed_files import NO_TEXT, Part, parts_of
from tinychat.corpus.raw_files import UnclaimedError
from tinychat.corpus.reader import BinaryReader, Notes, SpeakerReader
from tinychat.corpus.sources import as_yaml
from tinychat.corpus.speakers import MAX_SPEAKERS, assistant_of
from tinychat.corpus.spoken import bots_of
from tinychat.corpus.tally import SHOWN, Tally
from tinychat.corpus.text_files import TextFile
from tinychat.dialogue_files import corpus_params, existing, named_in_params, speakers_in
from tinychat.params.loading import RAW
from tinychat.params.sections import CorpusParams, SourceParams

FIRST_DIALOGUES = 3
MAX_FILES = 20  # shown of a folder or an archive


@dataclass
class FileFound:
    """What a file was taken for: the source itself, or one in a folder or an archive. `encoding`: empty for no text."""

    path: str
    format: str
    encoding: str


@dataclass
class Inspection:
    """What was found in a file, a folder or an archive.

    files          that were read; `format` and `encoding` are those of all of them
    files_left_out of a folder or an archive, since no reader takes them, by reason; `why_left_out`: of the first texts
    scores         of one file: how well it fits the format of each reader, 0 to 1
    speakers       where they have names: how many messages each has; `assistant` is the one who becomes the bot
    unclear        files of speakers of whom it is not clear who is to be the bot
    rooms          in how many chats each speaker speaks, where there is more than one
    rows_dropped   by reason; `messages_dropped` likewise, by what they are, and `parts_dropped` of kept messages
    masked         personal data by its kind
    first          the first dialogues, as they would be trained on
    source         what names it in params.yaml: corpus.sources; empty for data/raw, all of which is read (auto)
    """

    path: str
    format: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    encoding: str = ""
    files: list[FileFound] = field(default_factory=list)
    files_left_out: dict[str, int] = field(default_factory=dict)
    why_left_out: list[str] = field(default_factory=list)
    speakers: dict[str, int] = field(default_factory=dict)
    rooms: dict[str, int] = field(default_factory=dict)
    assistant: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    rows_read: int = 0
    rows_kept: int = 0
    rows_dropped: dict[str, int] = field(default_factory=dict)
    messages_dropped: dict[str, int] = field(default_factory=dict)
    masked: dict[str, int] = field(default_factory=dict)
    parts_dropped: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    turns: int = 0
    first: list[list[dict[str, Any]]] = field(default_factory=list)
    source: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)

    def text(self) -> str:
        """All of it, for a person."""
        scores = ", ".join(f"{name} {score:.2f}" for name, score in self.scores.items() if score)
        lines = [self.path, f"  format     {self.format}{f' ({scores})' if scores else ''}"]
        if self.encoding:
            lines.append(f"  encoding   {self.encoding}")
        if [file.path for file in self.files] != [self.path]:
            lines += [f"  file       {file.path}: {file.format}" for file in self.files[:MAX_FILES]]
        if len(self.files) > MAX_FILES:
            lines.append(f"  … and {len(self.files) - MAX_FILES:,} more files")
        if self.files_left_out:
            lines.append(f"  files left out     {_counted(self.files_left_out)}")
        lines += [f"  left out   {reason}" for reason in self.why_left_out]
        if self.speakers:
            lines.append(f"  speakers   {self._speakers()}")
        if self.assistant:
            lines.append(f"  bot        {', '.join(self.assistant)}")
        if self.unclear:
            unclear = ", ".join([*self.unclear[:MAX_FILES], *["…"] * (len(self.unclear) > MAX_FILES)])
            what_to_do = "--assistant NAME shows the dialogues" if self.source else "look at each file alone"
            lines.append(f"  bot        not clear in {unclear}; {what_to_do}")
        else:
            lines.append(f"  dialogues  {self.rows_kept:,} of {self.rows_read:,} are kept, {self.turns:,} turns")
        if self.rows_dropped:
            lines.append(f"  dialogues left out {_counted(self.rows_dropped)}")
        if self.messages_dropped:
            lines.append(f"  messages left out  {_counted(self.messages_dropped)}")
        if self.masked:
            lines.append(f"  masked     {_counted(self.masked)}; examples: tinychat data audit {self.path}")
        if self.parts_dropped:
            lines.append(f"  parts left out     {_counted(self.parts_dropped)}")
        lines += [f"  note       {remark}" for remark in self.remarks]
        lines += [f"  fault      {fault}" for fault in self.faults]
        for number, messages in enumerate(self.first, 1):
            lines += ["", f"Dialogue {number}"]
            lines += [f"  {'user' if m['role'] == 'user' else 'bot '}  {_one_line(m['content'])}" for m in messages]
        sources = f"[{as_yaml(self.source)}]" if self.source else "auto"
        return "\n".join([*lines, "", "In params.yaml:", "  corpus:", f"    sources: {sources}"])

    def _speakers(self) -> str:
        """The first ones, those in the most chats first."""
        shown = [
            f"{name} {count:,}{_in_chats(self.rooms[name]) if self.rooms else ''}"
            for name, count in islice(self.speakers.items(), MAX_SPEAKERS)
        ]
        return ", ".join([*shown, *["…"] * (len(self.speakers) > MAX_SPEAKERS)])


def inspect(path: Path, source: SourceParams | None = None) -> Inspection:
    """What `path` holds, a file, a folder or an archive.

    Where it is not clear who is to be the bot, the speakers alone, and no dialogues.

    Raises InputError where no reader takes the file, or any in the folder, or it yields no dialogue.
    """
    path = existing(path)
    params = corpus_params()
    raw, name = named_in_params(path)
    source = source or SourceParams(file=name)
    found = Inspection(str(path), source={"file": name})
    if source.format:
        found.source["format"] = source.format
    shown = {"drop_links", "original_form", "drop_masked", "header", "columns", "sheet"}
    found.source |= source.model_dump(include=shown, exclude_defaults=True)
    left_out = _LeftOut()
    bots: set[tuple[str, ...]] = set()
    one = Opened(source, str(path), "", None, None, path)
    with parts_of(one, params, left_out.add) as parts:
        for part in parts:
            if isinstance(part.reader, BinaryReader) and not _has_table(one, part, params, left_out):
                continue
            bots |= _show_part(found, part, source)
    found.files.sort(key=lambda file: file.path)
    found.files_left_out, found.why_left_out = left_out.counts.as_numbers(), left_out.why
    found.format = ", ".join(sorted({file.format for file in found.files}))
    found.encoding = ", ".join(sorted({file.encoding for file in found.files if file.encoding}))
    is_raw_folder = path.absolute() == RAW.absolute()
    if () in bots:
        found.source = {} if is_raw_folder else found.source | {"assistant": "NAME"}
        return found
    if len(bots) == 1:  # each of several files may have its own
        (named,) = bots
        found.source["assistant"] = list(named) if len(named) > 1 else named[0]
    counts = Counts()
    skipping = params.model_copy(update={"on_error": "skip"})
    for dialogue in _dialogues(raw, source, skipping, counts):
        found.turns += len(dialogue.turns)
        if len(found.first) < FIRST_DIALOGUES:
            found.first.append(to_record(dialogue)["messages"])
    found.rows_read, found.rows_kept = counts.rows.read, counts.rows.kept
    found.rows_dropped = counts.rows.dropped.as_numbers()
    found.messages_dropped = counts.turns.dropped.as_numbers()
    found.masked = dict(sorted(counts.masked.items()))
    found.parts_dropped = counts.parts_dropped.as_numbers()
    found.faults = counts.faults_skipped
    found.remarks = counts.remarks
    if is_raw_folder:
        found.source = {}
    return found


@dataclass
class _LeftOut:
    """Files that no reader takes: how many by reason, and why the first texts are none of its formats."""

    counts: Tally = field(default_factory=Tally)
    why: list[str] = field(default_factory=list)

    def add(self, error: UnclaimedError) -> None:
        self.counts.add(error.reason, str(error.path))
        if error.reason != NO_TEXT and len(self.why) < SHOWN:
            self.why.append(str(error))


def _has_table(one: Opened, part: Part, params: CorpusParams, left_out: _LeftOut) -> bool:
    """Whether a file that is not text has what could be dialogues. Raises UnclaimedError for a file alone."""
    try:
        items_of(part.reader, part.rooms, one.source, params, Notes())
    except UnclaimedError as error:
        if error.path == one.path:
            raise
        left_out.add(error)
        return False
    return True


def _show_part(found: Inspection, part: Part, source: SourceParams) -> set[tuple[str, ...]]:
    """Note the files and who speaks in them, and who becomes the bot. Gives the bot's names, as params.yaml has them:
    none where it is not clear; nothing where the speakers have no names, or the bot is another one in each dialogue.
    """
    texts = [file for file in part.files if isinstance(file, TextFile)]
    encodings = {file.path: file.encoding for file in texts}
    found.files += [FileFound(str(file.path), part.name, encodings.get(file.path, "")) for file in part.files]
    found.scores = part.scores if len(found.files) == 1 else {}
    if not isinstance(part.reader, MessengerReader | SpeakerReader):
        return set()
    if isinstance(part.reader, MessengerReader):
        settings = {"gap_minutes": source.gap_minutes, "date_order": source.date_order}
        found.source |= {key: value for key, value in settings.items() if value is not None}
    speakers = speakers_in(part, source)
    labels, people = speakers.labels(), speakers.ranked()
    found.speakers = _added(found.speakers, {labels[key]: speakers.messages[key] for key in people})
    if isinstance(part.reader, SpeakerReader) and not part.reader.names_hold and source.assistant is None:
        return set()
    if speakers.has_rooms():
        found.rooms = _added(found.rooms, {labels[key]: speakers.rooms(key) for key in people})
    if people and len(people) != 2 and source.assistant is None:
        found.unclear += [str(text.path) for text in texts]
        return {()}
    if isinstance(part.reader, SpeakerReader):
        assistant = bots_of(part.reader, texts[0], source, speakers)
    else:
        rooms = [[file for file in files if isinstance(file, TextFile)] for files in part.rooms]
        assistant = assistant_of(part.reader, rooms, source, speakers)
    found.assistant = sorted({*found.assistant, *(labels[key] for key in assistant)})
    return {tuple(sorted(map(speakers.name_for_params, assistant)))}


def _added(numbers: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """The numbers by name, in the order in which names came first."""
    return {name: numbers.get(name, 0) + more.get(name, 0) for name in [*numbers, *more]}


def _dialogues(raw: Path, source: SourceParams, params: CorpusParams, counts: Counts) -> Iterator[Dialogue]:
    blocked = words_to_block(RAW, params.mask)
    one = params.model_copy(update={"sources": [source]})
    return gather(raw, one, counts, lambda *_, **__: None, blocked)


def _in_chats(rooms: int) -> str:
    return " in one chat" if rooms == 1 else f" in {rooms:,} chats"


def _counted(counts: dict[str, int] | Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def _one_line(text: str) -> str:
    return " ⏎ ".join(text.split("\n"))
