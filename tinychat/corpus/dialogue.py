"""A dialogue and its turns, and the corpus files: the OpenAI chat format, one dialogue per line."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, overload

from tinychat.errors import FaultError, Phrase
from tinychat.files import damaged, parse_json_line, read_json, read_json_lines, reading
from tinychat.params.limits import MAX_CHARACTERS

Role = Literal["user", "assistant"]
ROLES: tuple[Role, ...] = ("user", "assistant")
SPLITS = ("train", "valid", "test")
SOURCES_FILE = "sources.json"  # in the overview: name and format of each source, by its key in the metrics
STAGE = "ingest"  # writes the corpus files


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of one side; `has_loss` False: context only (`weight` 0 in the corpus files)."""

    role: Role
    content: str
    has_loss: bool = True

    def __reduce__(self) -> tuple[Any, ...]:  # rows go to other processes: a third of the time of the default
        return Turn, (self.role, self.content, self.has_loss)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns in their order. `source` is `FILE:LINE`, for messages to the person; it is not written to the corpus.

    metadata    of the source: `slots`, their values; `accept`, the correct replies to the last question; `measure`, the
                name of the measure that the dialogue belongs to; `repeats`, true where its question is trained on, or
                measured before
    split       as assigned by the source; None: splitting assigns it
    source_number  of the source that it comes from, from 1; 0 in a corpus of one source, which does not write it
    session     what conversations of one room have in common that have no long pause between them: one split
    """

    source: str
    turns: tuple[Turn, ...]
    metadata: Mapping[str, Any] | None = None
    split: str | None = None
    source_number: int = 0
    session: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Dialogue, tuple(getattr(self, name) for name in self.__slots__)

    @property
    def file(self) -> str:
        """The file of `source`, without the line."""
        return self.source.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that does not enter the corpus: its file and line, and a reason that is counted."""

    where: str
    reason: str


@dataclass(frozen=True)
class Faulty:
    """A row that breaks its format's rules: an error under `on_error: stop`, dropped and shown under `skip`.

    `reason` is a fixed key, counted in the metrics; `message` is a Phrase on what was found and what would be right.
    """

    where: str
    reason: str
    message: str


def to_record(dialogue: Dialogue) -> dict[str, Any]:
    """The dialogue as a line of a corpus file.

    `weight` is written only if it is 0, `metadata` and `source`, the number of its source, if there is any.
    """
    record: dict[str, Any] = {
        "messages": [
            {"role": turn.role, "content": turn.content} | ({} if turn.has_loss else {"weight": 0})
            for turn in dialogue.turns
        ]
    }
    record |= {"metadata": dict(dialogue.metadata)} if dialogue.metadata else {}
    return record | ({"source": dialogue.source_number} if dialogue.source_number else {})


def from_record(record: Any, source: str) -> Dialogue:
    """The inverse of `to_record`. Raises ValueError where the record is damaged."""
    messages = record.get("messages") if isinstance(record, dict) else None
    if not isinstance(messages, list) or not messages:
        raise FaultError("no messages")
    metadata = record.get("metadata")
    check_metadata(metadata)
    number = record.get("source", 0)
    if type(number) is not int or number < 0:
        raise FaultError("source is not a number")
    return Dialogue(source, tuple(map(_turn, messages)), metadata, source_number=number)


def _turn(message: Any) -> Turn:
    if not isinstance(message, dict):
        raise FaultError("a message that is not an object")
    role, content, weight = message.get("role"), message.get("content"), message.get("weight", 1)
    if role not in ROLES or not isinstance(content, str):
        raise FaultError("a message without role (user or assistant) and content (text)")
    if type(weight) is not int or weight not in (0, 1):
        raise FaultError("a message whose weight is neither 0 nor 1")
    if len(content) > MAX_CHARACTERS:
        raise FaultError(
            "a message of {length:,} characters; at most {maximum:,} are read",
            length=len(content),
            maximum=MAX_CHARACTERS,
        )
    return Turn(role, content, has_loss=bool(weight))


def check_metadata(metadata: Any) -> None:
    """Raise ValueError where a key that is read has a value of another type."""
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise FaultError("metadata is not an object")
    if not isinstance(metadata.get("measure", ""), str):
        raise FaultError("metadata.measure is not text")
    accept = metadata.get("accept", [])
    if not isinstance(accept, list) or not all(isinstance(text, str) for text in accept):
        raise FaultError("metadata.accept is not a list of texts")


def slot_values(metadata: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The values of a dialogue's slots, such as a name; empty where its source has none."""
    slots = (metadata or {}).get("slots")
    return (
        tuple(value for value in slots.values() if isinstance(value, str) and value) if isinstance(slots, dict) else ()
    )


def read_source_names(folder: Path, keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Name and format of each source of the corpus, by its key in the metrics: `source_1` and so on.

    Raises InputError where the file is missing or damaged, or has none for one of `keys`.
    """
    path = folder / SOURCES_FILE
    with reading(path, STAGE):
        names = read_json(path)
        if not isinstance(names, dict) or not all(
            isinstance(one, dict) and {*map(type, one.values())} == {str} and {*one} == {"name", "format"}
            for one in names.values()
        ):
            raise FaultError("it does not hold the name and the format of each source")
        for key in keys:
            if key not in names:
                raise FaultError("it does not name {key}", key=key)
        return names


class CorpusFile(Sequence[Dialogue]):
    """The dialogues of a corpus file, each read when it is asked for: 8 bytes of memory for each.

    Raises InputError as `read_corpus` does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with reading(path, STAGE), open(path, "rb") as file:
            self._begins = array("q", accumulate(map(len, file), initial=0))  # of the lines; and the end

    def __len__(self) -> int:
        return len(self._begins) - 1

    @overload
    def __getitem__(self, index: int) -> Dialogue: ...

    @overload
    def __getitem__(self, index: slice) -> list[Dialogue]: ...

    def __getitem__(self, index: int | slice) -> Dialogue | list[Dialogue]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        with open(self._path, "rb") as file:
            file.seek(self._begins[number])
            line = file.read(self._begins[number + 1] - self._begins[number])
        return parse_json_line(line.decode("utf-8", errors="replace"), f"{self._path}:{number + 1}", STAGE, from_record)

    def __iter__(self) -> Iterator[Dialogue]:
        return read_corpus(self._path)


def read_corpus(path: Path) -> Iterator[Dialogue]:
    """The dialogues of a corpus file that the stage ingest wrote, one by one; the training split is never empty.

    Raises InputError where there is no such file, or it is damaged.
    """
    empty = True
    for dialogue in read_json_lines(path, STAGE, from_record):
        empty = False
        yield dialogue
    if empty and path.stem == SPLITS[0]:
        raise damaged(path, Phrase("it holds no dialogue"), STAGE)
