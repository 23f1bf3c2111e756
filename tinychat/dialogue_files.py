"""What a file of dialogues holds, before anything is trained on it: `tinychat data inspect` and `data convert`."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from tinychat.corpus.dialogue import Dialogue, to_record
from tinychat.corpus.gathering import Counts, gather, read_all
from tinychat.corpus.masking.source_mask import words_to_block
from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.opening import Opened, one_room_each, open_source
from tinychat.corpus.reader import FolderReader, SpeakerReader, choose_reader, find_readers
from tinychat.corpus.sources import as_yaml
from tinychat.corpus.speakers import MAX_SPEAKERS, Speakers, assistant_of, speakers_of
from tinychat.corpus.spoken import bots_of, spoken_by
from tinychat.corpus.text_files import open_text_file
from tinychat.errors import InputError
from tinychat.files import to_json_lines
from tinychat.params.loading import RAW, load_params
from tinychat.params.raw_folder import refuse_name, refuse_special_file
from tinychat.params.sections import PARAMS_FILE, Columns, CorpusParams, MaskParams, Shares, SourceParams, StarterParams
from tinychat.printing import say

FIRST_DIALOGUES = 3


@dataclass
class Inspection:
    """What was found in a file.

    scores         of each reader: how well the first lines fit its format, 0 to 1
    speakers       where they have names: how many messages each has; `assistant` is the one who becomes the bot
    rooms          in how many chats each speaker speaks, where there is more than one
    rows_dropped   by reason; `messages_dropped` likewise, by what they are, and `parts_dropped` of kept messages
    masked         personal data by its kind
    first          the first dialogues, as they would be trained on
    source         what names the file in params.yaml: corpus.sources
    """

    path: str
    format: str
    scores: dict[str, float]
    encoding: str
    speakers: dict[str, int] = field(default_factory=dict)
    rooms: dict[str, int] = field(default_factory=dict)
    assistant: list[str] = field(default_factory=list)
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
        lines = [self.path, f"  format     {self.format} ({scores})", f"  encoding   {self.encoding}"]
        if self.speakers:
            lines.append(f"  speakers   {self._speakers()}")
        if self.assistant:
            lines.append(f"  bot        {', '.join(self.assistant)}")
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
        return "\n".join([*lines, "", "In params.yaml:", "  corpus:", f"    sources: [{as_yaml(self.source)}]"])

    def _speakers(self) -> str:
        """The first ones, those in the most chats first."""
        shown = [
            f"{name} {count:,}{_in_chats(self.rooms[name]) if self.rooms else ''}"
            for name, count in islice(self.speakers.items(), MAX_SPEAKERS)
        ]
        return ", ".join([*shown, *["…"] * (len(self.speakers) > MAX_SPEAKERS)])


def inspect(path: Path, source: SourceParams | None = None) -> Inspection:
    """What `path` holds. Where it is not clear who is to be the bot, the speakers alone, and no dialogues.

    Raises InputError where no reader takes the file, or it yields no dialogue.
    """
    params = corpus_params()
    source = source or SourceParams(file=path.name)
    text = open_text_file(existing(path))
    known = find_readers()
    name, reader = choose_reader(text, source.format, known, params)
    head = text.head()
    scores = {other: one.score(head, params) for other, one in known.items() if not isinstance(one, FolderReader)}
    found = Inspection(str(path), name, scores, text.encoding, source={"file": path.name})
    if source.format:
        found.source["format"] = source.format
    if isinstance(reader, MessengerReader):
        settings = {"gap_minutes": source.gap_minutes, "date_order": source.date_order}
        found.source |= {key: value for key, value in settings.items() if value is not None}
        rooms = [[text]]
        speakers = speakers_of(reader, rooms, source)
        if not _show_speakers(found, speakers, source, lambda: assistant_of(reader, rooms, source, speakers)):
            return found
    elif isinstance(reader, SpeakerReader):
        heard = spoken_by(reader, text)
        if not reader.names_hold and source.assistant is None:  # the bot is another one in each dialogue
            found.speakers = _by_label(heard)
        elif not _show_speakers(found, heard, source, lambda: bots_of(reader, text, source, heard)):
            return found
    counts = Counts()
    skipping = params.model_copy(update={"on_error": "skip"})
    for dialogue in _dialogues(path, source, skipping, counts):
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
    return found


def _show_speakers(found: Inspection, speakers: Speakers, source: SourceParams, choose: Callable[[], set[str]]) -> bool:
    """Note the speakers, and who of them becomes the bot; whether that is clear. `choose` gives the bot's keys."""
    labels, people = speakers.labels(), speakers.ranked()
    found.speakers = _by_label(speakers)
    found.rooms = {labels[key]: speakers.rooms(key) for key in people} if speakers.has_rooms() else {}
    if people and len(people) != 2 and source.assistant is None:
        found.source["assistant"] = "NAME"
        return False
    assistant = choose()
    found.assistant = sorted(labels[key] for key in assistant)
    named = sorted(map(speakers.name_for_params, assistant))
    found.source["assistant"] = named if len(named) > 1 else named[0]
    return True


def _by_label(speakers: Speakers) -> dict[str, int]:
    """How many messages each has, those in the most chats first."""
    labels = speakers.labels()
    return {labels[key]: speakers.messages[key] for key in speakers.ranked()}


def convert(
    paths: Sequence[Path], out: Path, source: SourceParams | None = None, tell: Callable[..., None] = say
) -> int:
    """Write the dialogues of the files to `out`, one JSON object a line in the OpenAI chat format; gives their number.

    Of the names in `source.assistant` each is the bot in the files in which it appears. `out` is written when all are
    read, or not at all; a line about each file goes to `tell`.

    Raises InputError for the first fault, for a file of a messenger in which nobody has one of the names, and where
    `out` is one of the files or cannot be written.
    """
    inputs = [existing(path) for path in paths]
    if out.exists() and any(out.samefile(path) for path in inputs):
        raise InputError("{out}: an input; name another file to write", out=out)
    if not out.parent.is_dir():
        raise InputError("{out}: there is no folder {folder}", out=out, folder=out.parent)
    if out.exists() and not out.is_file():
        raise InputError("{out}: not a file that can be written", out=out)
    params, counts, written = corpus_params(), Counts(), 0
    known, blocked = find_readers(), words_to_block(RAW, params.mask)
    opened = [
        open_source(
            (source or SourceParams(file="-")).model_copy(update={"file": path.name}), path.parent, params, known, tell
        )
        for path in inputs
    ]
    if source is not None and source.assistant is not None:
        opened = _with_own_assistants(opened, source.assistants)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as file:
            for dialogue in read_all(opened, params, counts, tell, blocked):
                file.write(to_json_lines([to_record(replace(dialogue, source_number=0))]))
                written += 1
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return written


def _with_own_assistants(opened: Sequence[Opened], names: list[str]) -> list[Opened]:
    """The sources, each with those of the names that a speaker in it has.

    Raises InputError where nobody in a file has one of them, and for a name that nobody has in any file.
    """
    unused = set(names)
    found: dict[int, Opened] = {}
    for parts in one_room_each(opened):
        speakers = _speakers_in(parts)
        own = [name for name in names if speakers.find(name)]
        if not own:
            raise InputError(
                "{file}: nobody is called {names}; the speakers are: {speakers}",
                file=parts[0].title,
                names=" or ".join(map(repr, names)),
                speakers=speakers.listed(),
            )
        unused -= set(own)
        found |= {id(part): replace(part, source=part.source.model_copy(update={"assistant": own})) for part in parts}
    for name in names:
        if name in unused:
            raise InputError("--assistant: nobody is called {name!r} in any of the files", name=name)
    return [found[id(one)] for one in opened]


def _speakers_in(parts: Sequence[Opened]) -> Speakers:
    reader, files = parts[0].reader, [part.text for part in parts if part.text is not None]
    if isinstance(reader, SpeakerReader):
        return spoken_by(reader, files[0])
    assert isinstance(reader, MessengerReader)  # `open_source` has refused others
    return speakers_of(reader, [files], parts[0].source)


def _dialogues(path: Path, source: SourceParams, params: CorpusParams, counts: Counts) -> Iterator[Dialogue]:
    blocked = words_to_block(RAW, params.mask)
    one = params.model_copy(update={"sources": [source]})
    return gather(path.parent, one, counts, lambda *_, **__: None, blocked)


def existing(path: Path) -> Path:
    """The path, if there is a file. Raises InputError where there is none."""
    if path.is_dir():
        raise InputError("{path}: a folder; name a file", path=path)
    if not path.exists():
        raise InputError("{path}: no such file", path=path)
    refuse_name(path)
    refuse_special_file(path)
    return path


def corpus_params() -> CorpusParams:
    """Those of params.yaml in the current folder; defaults where there is none."""
    if Path(PARAMS_FILE).is_file():
        return load_params(Path()).corpus
    return CorpusParams(
        sources="auto",
        starter=StarterParams(dialogues=100, seed=0),
        columns=Columns(question=None, answer=None),
        mask=MaskParams(enabled=True, leave=[], block_list=None),
        on_error="stop",
        shares=Shares(train=1.0, valid=0.0, test=0.0),
        hold_out_from=0,
        seed=0,
        max_answer_repeats=None,
    )


def _in_chats(rooms: int) -> str:
    return " in one chat" if rooms == 1 else f" in {rooms:,} chats"


def _counted(counts: dict[str, int] | Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def _one_line(text: str) -> str:
    return " ⏎ ".join(text.split("\n"))
