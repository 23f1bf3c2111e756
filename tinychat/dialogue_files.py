"""What a file of dialogues holds, before anything is trained on it: `tinychat data inspect` and `data convert`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from tinychat.corpus.dialogue import Dialogue, to_record
from tinychat.corpus.gathering import Counts, gather
from tinychat.corpus.messenger import MessengerReader, assistant_of, speakers_of
from tinychat.corpus.reader import choose_reader, find_readers
from tinychat.corpus.text_files import open_text_file
from tinychat.errors import InputError
from tinychat.files import to_json_lines
from tinychat.params.loading import load_params
from tinychat.params.sections import PARAMS_FILE, Columns, CorpusParams, Shares, SourceParams, StarterParams

FIRST_DIALOGUES = 3


@dataclass
class Inspection:
    """What was found in a file.

    scores         of each reader: how well the first lines fit its format, 0 to 1
    speakers       of a messenger's export: how many messages each has; `assistant` is the one who becomes the bot
    rows_dropped   by reason; `messages_dropped` likewise, by what they are
    first          the first dialogues, as they would be trained on
    source         what names the file in params.yaml: corpus.sources
    """

    path: str
    format: str
    scores: dict[str, float]
    encoding: str
    speakers: dict[str, int] = field(default_factory=dict)
    assistant: str | None = None
    rows_read: int = 0
    rows_kept: int = 0
    rows_dropped: dict[str, int] = field(default_factory=dict)
    messages_dropped: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    turns: int = 0
    first: list[list[dict[str, Any]]] = field(default_factory=list)
    source: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)

    def text(self) -> str:
        """All of it, for a person."""
        scores = ", ".join(f"{name} {score:.2f}" for name, score in self.scores.items())
        lines = [self.path, f"  format     {self.format} ({scores})", f"  encoding   {self.encoding}"]
        if self.speakers:
            lines.append(f"  speakers   {_counted(self.speakers)}")
        if self.assistant:
            lines.append(f"  bot        {self.assistant}")
        lines.append(f"  dialogues  {self.rows_kept:,} of {self.rows_read:,} rows, {self.turns:,} turns")
        if self.rows_dropped:
            lines.append(f"  rows left out      {_counted(self.rows_dropped)}")
        if self.messages_dropped:
            lines.append(f"  messages left out  {_counted(self.messages_dropped)}")
        lines += [f"  fault      {fault}" for fault in self.faults]
        for number, messages in enumerate(self.first, 1):
            lines += ["", f"Dialogue {number}"]
            lines += [f"  {'user' if m['role'] == 'user' else 'bot '}  {_one_line(m['content'])}" for m in messages]
        source = ", ".join(f"{key}: {value}" for key, value in self.source.items())
        return "\n".join([*lines, "", "In params.yaml:", "  corpus:", f"    sources: [{{{source}}}]", ""])


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
    scores = {other: one.score(head, params) for other, one in known.items() if hasattr(one, "score")}
    found = Inspection(str(path), name, scores, text.encoding, source={"file": path.name})
    if source.format:
        found.source["format"] = source.format
    if isinstance(reader, MessengerReader):
        speakers = speakers_of(reader, text)
        found.speakers = dict(speakers.most_common())
        if len(speakers) != 2 and source.assistant is None:
            found.source["assistant"] = "NAME"
            return found
        bot = assistant_of(reader, text, source, speakers)
        found.assistant = ", ".join(sorted(bot))
        found.source["assistant"] = f"[{found.assistant}]" if len(bot) > 1 else found.assistant
        if source.gap_minutes is not None:
            found.source["gap_minutes"] = source.gap_minutes
    counts = Counts()
    for dialogue in _dialogues(path, source, params.model_copy(update={"on_error": "skip"}), counts):
        found.turns += len(dialogue.turns)
        if len(found.first) < FIRST_DIALOGUES:
            found.first.append(to_record(dialogue)["messages"])
    found.rows_read, found.rows_kept = counts.rows.read, counts.rows.kept
    found.rows_dropped = counts.rows.dropped.as_numbers()
    found.messages_dropped = counts.turns.dropped.as_numbers()
    found.faults = counts.faults_skipped
    return found


def convert(paths: Sequence[Path], out: Path, source: SourceParams | None = None) -> int:
    """Write the dialogues of the files to `out`, one JSON object a line in the OpenAI chat format; gives their number.

    `out` is written when all are read, or not at all. Raises InputError for the first fault.
    """
    params, counts, written = corpus_params(), Counts(), 0
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=out.parent, prefix=f".{out.name}.", suffix=".tmp", delete=False
    ) as file:
        try:
            for path in paths:
                own = SourceParams(file=path.name) if source is None else source.model_copy(update={"file": path.name})
                for dialogue in _dialogues(existing(path), own, params, counts):
                    file.write(to_json_lines([to_record(dialogue)]))
                    written += 1
            file.close()
            Path(file.name).replace(out)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise
    return written


def _dialogues(path: Path, source: SourceParams, params: CorpusParams, counts: Counts) -> Iterator[Dialogue]:
    return gather(path.parent, params.model_copy(update={"sources": [source]}), counts, tell=lambda *_, **__: None)


def existing(path: Path) -> Path:
    """The path, if there is a file. Raises InputError where there is none."""
    if path.is_dir():
        raise InputError("{path}: a folder; name a file", path=path)
    if not path.exists():
        raise InputError("{path}: no such file", path=path)
    return path


def corpus_params() -> CorpusParams:
    """Those of params.yaml in the current folder; defaults where there is none."""
    if Path(PARAMS_FILE).is_file():
        return load_params(Path()).corpus
    return CorpusParams(
        sources="auto",
        starter=StarterParams(dialogues=100, seed=0),
        columns=Columns(question=None, answer=None),
        on_error="stop",
        shares=Shares(train=1.0, valid=0.0, test=0.0),
        seed=0,
    )


def _counted(counts: dict[str, int] | Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def _one_line(text: str) -> str:
    return " ⏎ ".join(text.split("\n"))
