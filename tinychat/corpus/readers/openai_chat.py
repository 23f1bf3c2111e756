"""The OpenAI chat format: `{"messages": [{"role": …, "content": …}, …]}`, an object for each dialogue.

Left out and counted: system and developer messages (the chat template has no token for them), tool calls and
tool results, images and other parts that are not text.
"""

import json
from collections.abc import Iterator
from typing import Any

from tinychat.corpus.dialogue import Dialogue, Dropped, Role, Turn
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import JsonFormat, Record, json_reader, kind_of, string
from tinychat.corpus.reader import Item, Notes, excerpt, excerpts
from tinychat.corpus.turns import LEFT_OUT_ROLES
from tinychat.errors import Phrase

KNOWN_ROLES = (*LEFT_OUT_ROLES, "user", "assistant")
ROLE_ALIASES = {
    "human": "user",
    "customer": "user",
    "사용자": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "챗봇": "assistant",
}
INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal")
DROPPED_PARTS = ("image_url", "input_audio", "file", "refusal")
OF_MESSENGERS = frozenset({"participants", "guild", "chats"})  # beside messages, of which there may be none
LINE_KEYS = ("messages",)
MESSAGE_KEYS = ("role", "content", "weight", "tool_call_id", *INSTEAD_OF_CONTENT)


def fits(record: Record) -> bool:
    """Whether it has `messages` with roles, also faulty ones. Messages of other programs have none."""
    messages = record.get("messages")
    if messages == []:
        return OF_MESSENGERS.isdisjoint(record)
    return isinstance(messages, list) and any(isinstance(message, dict) and "role" in message for message in messages)


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The dialogue of a record."""
    yield _dialogue(where, record, notes)


def _dialogue(where: str, record: dict[str, Any], notes: Notes) -> Item:
    messages = record.get("messages")
    if not isinstance(messages, list):
        raise RecordError(
            "no_messages",
            'no list messages. Found: {found}. Expected {{"messages": [{{"role": …}}]}}.',
            found=excerpts(record) or Phrase("no key"),
        )
    if not messages:
        return Dropped(where, "empty_messages")
    turns: list[Turn] = []
    dropped: list[str] = []
    parts_lost: list[str] = []
    user_turn_lost = False
    for number, message in enumerate(messages):
        path = f"messages[{number}]"
        if not isinstance(message, dict):
            raise RecordError(
                "bad_message",
                "{key} is {found}. Expected an object with role and content.",
                key=path,
                found=kind_of(message),
            )
        role = _role(path, message)
        has_loss = _has_loss(path, message, role)
        if role in LEFT_OUT_ROLES:
            dropped.append(role)
            continue
        content, lost = _content(path, message)
        parts_lost += lost
        if content is None:
            dropped.append("tool_call" if message.get("refusal") is None else "refusal")
        elif lost and not content.strip():
            user_turn_lost |= role == "user"
            dropped.append("without_text")
        else:
            side: Role = "user" if role == "user" else "assistant"
            turns.append(Turn(side, content, has_loss))
    # Only now, so that nothing of a faulty line is counted.
    notes.note_unused(record, LINE_KEYS)
    for message in messages:
        notes.note_unused(message, MESSAGE_KEYS)
    for part in parts_lost:
        notes.parts_dropped.add(part, where)
    for reason in dropped:
        notes.messages_dropped.add(reason, where)
    return Dropped(where, "user_turn_without_text") if user_turn_lost else Dialogue(where, tuple(turns))


def _role(path: str, message: dict[str, Any]) -> str:
    role = message.get("role")
    if isinstance(role, str) and role in KNOWN_ROLES:
        return role
    found = excerpt(role) if isinstance(role, str) else kind_of(role)
    plain = role.strip().lower() if isinstance(role, str) else ""
    meant = plain if plain in KNOWN_ROLES else ROLE_ALIASES.get(plain)
    raise RecordError(
        "bad_role",
        "{key}.role is {found}. Expected one of: {roles}.{hint}",
        key=path,
        found=found,
        roles=", ".join(KNOWN_ROLES),
        hint=Phrase(" Did you mean {meant}?", meant=meant) if meant else "",
    )


def _has_loss(path: str, message: dict[str, Any], role: str) -> bool:
    if "weight" not in message:
        return True
    weight = message["weight"]
    if role != "assistant":
        raise RecordError(
            "bad_weight",
            "{key}.weight is on a {role} message. Only assistant messages have it.",
            key=path,
            role=role,
        )
    if type(weight) is not int or weight not in (0, 1):
        raise RecordError(
            "bad_weight",
            "{key}.weight is {found}. Expected 0 (no loss) or 1.",
            key=path,
            found=json.dumps(weight)[:40],
        )
    return bool(weight)


def _content(path: str, message: dict[str, Any]) -> tuple[str | None, list[str]]:
    """The text of a message, None where it has something else instead, and the kinds of parts left out."""
    content = message.get("content")
    if content is None:
        if any(message.get(key) is not None for key in INSTEAD_OF_CONTENT):
            return None, []
        raise RecordError(
            "bad_content",
            "{key}.content is {found}, and there is none of {instead}. Expected a string or a list of parts.",
            key=path,
            found=Phrase("null") if "content" in message else Phrase("missing"),
            instead=", ".join(INSTEAD_OF_CONTENT),
        )
    if isinstance(content, str):
        return string(f"{path}.content", content), []
    if not isinstance(content, list):
        raise RecordError(
            "bad_content",
            "{key}.content is {found}. Expected a string or a list of parts.",
            key=path,
            found=kind_of(content),
        )
    texts, lost = [], []
    for number, part in enumerate(content):
        here = f"{path}.content[{number}]"
        form = part.get("type") if isinstance(part, dict) else None
        if form == "text" and isinstance(part.get("text"), str):
            texts.append(string(here, part["text"]))
        elif form in DROPPED_PARTS:
            lost.append(str(form))
        else:
            raise RecordError("bad_content", '{key} is not a part. Expected {{"type": "text", "text": "…"}}.', key=here)
    return "".join(texts), lost


READER = json_reader(JsonFormat(fits), dialogues, suffixes=(".jsonl", ".ndjson", ".json"))
