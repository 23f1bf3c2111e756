"""Alpaca: objects with `instruction`, `output`, and perhaps `input`, `system` and `history`."""

from collections.abc import Iterator
from typing import Any

from tinychat.corpus.dialogue import Dialogue, Dropped, Turn
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import DIALOGUE_KEYS, JsonFormat, Record, items, json_reader, string
from tinychat.corpus.reader import Item, Notes

KEYS = ("instruction", "input", "output", "system", "history")


def fits(record: Record) -> bool:
    """Whether it has an instruction and an output, and no list of messages."""
    return "instruction" in record and "output" in record and DIALOGUE_KEYS.isdisjoint(record)


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The exchanges of `history`, then the instruction, with the input below it, and the output."""
    question, answer = (string(key, record.get(key)) for key in ("instruction", "output"))
    more, system = (string(key, record.get(key) or "") for key in ("input", "system"))
    turns = tuple(_history(record.get("history")))
    if system.strip():
        notes.messages_dropped.add("system", where)
    notes.note_unused(record, KEYS)
    if not question.strip() and not more.strip():
        yield Dropped(where, "empty_question")
    elif not answer.strip():
        yield Dropped(where, "empty_answer")
    else:
        asked = f"{question}\n{more}" if more.strip() else question
        yield Dialogue(where, (*turns, Turn("user", asked), Turn("assistant", answer)))


def _history(value: Any) -> Iterator[Turn]:
    """The turns of pairs of a question and an answer."""
    if value is None:
        return
    for key, pair in items("history", value):
        if not isinstance(pair, list) or len(pair) != 2:
            raise RecordError("bad_message", "{key} is no pair. Expected a list of a question and its answer.", key=key)
        yield Turn("user", string(f"{key}[0]", pair[0]))
        yield Turn("assistant", string(f"{key}[1]", pair[1]))


READER = json_reader(JsonFormat(fits), dialogues)
