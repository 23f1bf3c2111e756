"""ShareGPT: objects with `conversations`, a list of messages with `from` and `value` (or `role` and `content`)."""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Dropped, Role
from tinychat.corpus.json_records import JsonFormat, Record, json_reader, objects, turns_of
from tinychat.corpus.reader import Item, Notes

LISTS = ("conversations", "conversation")
KEYS = (("from", "value"), ("role", "content"))
ROLES: dict[str, Role | None] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "bing": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "system": None,  # the chat template has no token for it
}


def fits(record: Record) -> bool:
    """Whether one of its lists holds messages."""
    return any(
        isinstance(messages := record.get(name), list)
        and (
            not messages or any(isinstance(one, dict) and not one.keys().isdisjoint(sum(KEYS, ())) for one in messages)
        )
        for name in LISTS
    )


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The dialogue of a record; system messages are left out and counted."""
    name = next((name for name in LISTS if name in record), LISTS[0])
    messages = list(objects(name, record.get(name)))
    role_key, text_key = next((keys for keys in KEYS if any(keys[0] in message for _, message in messages)), KEYS[0])
    turns = turns_of(where, messages, role_key, text_key, ROLES, notes)
    notes.note_unused(record, (name,))
    yield Dialogue(where, turns) if messages else Dropped(where, "empty_messages")


READER = json_reader(JsonFormat(fits), dialogues)
