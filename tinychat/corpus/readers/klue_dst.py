"""KLUE-DST (Wizard of Seoul): objects with `dialogue`, a list of turns with `role` (`user` or `sys`) and `text`."""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Dropped, Role
from tinychat.corpus.json_records import JsonFormat, Record, json_reader, objects, turns_of
from tinychat.corpus.reader import Item, Notes

ROLES: dict[str, Role | None] = {"user": "user", "sys": "assistant", "system": "assistant", "assistant": "assistant"}


def fits(record: Record) -> bool:
    """Whether it has turns with a role and a text."""
    turns = record.get("dialogue")
    return isinstance(turns, list) and any(isinstance(turn, dict) and {"role", "text"} <= turn.keys() for turn in turns)


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The dialogue of a record; its states are not used."""
    turns = turns_of(where, objects("dialogue", record.get("dialogue")), "role", "text", ROLES, notes)
    notes.note_unused(record, ("dialogue",))
    if record.get("guid") is not None:
        notes.remark_once("KLUE: licence CC BY-SA")
    yield Dialogue(where, turns) if turns else Dropped(where, "empty_messages")


READER = json_reader(JsonFormat(fits, lists=("data",)), dialogues)
