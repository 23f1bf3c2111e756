"""One dialogue and its turns, and the corpus files that keep them: the OpenAI chat format, a dialogue a line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tinychat.errors import InputError
from tinychat.files import read_json_lines

Role = Literal["user", "assistant"]
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says before the other answers. Weight 0: context, which carries no loss."""

    role: Role
    content: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns in their order. `source` is `FILE:PLACE`, for messages to the person; it is not written to the corpus.

    metadata  what the source knows beside the turns: `slots`, their values; `accept`, the replies to the last question
              that are right; `measure`, what the dialogue measures, and `repeats`, true where it is no new dialogue
    split     where the source says that it belongs; None: splitting decides
    weight    how often it stands in the corpus if it is trained on
    """

    source: str
    turns: tuple[Turn, ...]
    metadata: Mapping[str, Any] | None = None
    split: str | None = None
    weight: float = 1.0

    @property
    def file(self) -> str:
        """The file of `source`, without the place in it."""
        return self.source.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that does not enter the corpus: where it stands, and a reason that is counted."""

    where: str
    reason: str


def to_record(dialogue: Dialogue) -> dict[str, Any]:
    """The dialogue as a line of a corpus file; `weight` is written only where it is 0, `metadata` where there is."""
    record: dict[str, Any] = {
        "messages": [
            {"role": turn.role, "content": turn.content} | ({"weight": 0} if turn.weight == 0 else {})
            for turn in dialogue.turns
        ]
    }
    return record | ({"metadata": dict(dialogue.metadata)} if dialogue.metadata else {})


def from_record(record: dict[str, Any], source: str) -> Dialogue:
    """The dialogue of a line that `to_record` made."""
    turns = (Turn(m["role"], m["content"], m.get("weight", 1)) for m in record["messages"])
    return Dialogue(source, tuple(turns), record.get("metadata"))


def slot_values(dialogue: Dialogue) -> tuple[str, ...]:
    """What stands in the slots of the dialogue, such as a name; nothing where its source knows of none."""
    slots = (dialogue.metadata or {}).get("slots")
    return (
        tuple(value for value in slots.values() if isinstance(value, str) and value) if isinstance(slots, dict) else ()
    )


def read_corpus(path: Path) -> Iterator[Dialogue]:
    """The dialogues of a corpus file that the stage ingest wrote, one by one.

    Raises InputError where there is no such file.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. The stage ingest writes it: make repro")
    for number, record in enumerate(read_json_lines(path), start=1):
        yield from_record(record, f"{path}:{number}")
