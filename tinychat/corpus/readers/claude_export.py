"""The export of Claude, `conversations.json`: objects with `chat_messages`."""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Dropped, Role, Turn
from tinychat.corpus.json_records import JsonFormat, Record, json_reader, objects, role_of, segments, string
from tinychat.corpus.reader import Item, Notes

ROLES: dict[str, Role | None] = {"human": "user", "assistant": "assistant"}


def fits(record: Record) -> bool:
    """Whether it has messages with a sender."""
    messages = record.get("chat_messages")
    return isinstance(messages, list) and all(isinstance(one, dict) and "sender" in one for one in messages[:1])


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The texts of a conversation, without thoughts, tools and attached files.

    A question without a text ends the dialogue: what answers it is left out too.
    """
    turns: list[Turn | None] = []
    blank = 0
    for key, message in objects("chat_messages", record.get("chat_messages")):
        role = role_of(f"{key}.sender", message.get("sender"), ROLES)
        text = _text(key, message)
        blank += not text.strip()
        if role is not None and text.strip():
            turns.append(Turn(role, text))
        elif role == "user":
            turns.append(None)
    if blank:
        notes.messages_dropped.add("without_text", where, blank)
    found: list[Item] = [Dialogue(where, kept) for kept in segments(turns)]
    yield from found or [Dropped(where, "empty_messages")]


def _text(key: str, message: Record) -> str:
    """The text blocks of `content`; without any, `text`."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    texts = [
        string(f"{key}.content[{number}].text", block.get("text"))
        for number, block in enumerate(blocks)
        if isinstance(block, dict) and block.get("type") == "text"
    ]
    return "\n".join(text for text in texts if text.strip()) or string(f"{key}.text", message.get("text") or "")


READER = json_reader(JsonFormat(fits, lists=("conversations",)), dialogues)
