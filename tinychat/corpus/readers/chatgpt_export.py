"""The export of ChatGPT, `conversations.json`: conversations as trees, of which the person saw one branch."""

from collections.abc import Iterator
from typing import Any

from tinychat.corpus.dialogue import Dialogue, Dropped, Turn
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import JsonFormat, Record, json_reader, segments, string
from tinychat.corpus.reader import Item, Notes

WITH_TEXT = ("text", "multimodal_text")


def fits(record: Record) -> bool:
    """Whether it has a tree of nodes with parents."""
    nodes = record.get("mapping")
    return isinstance(nodes, dict) and any(isinstance(one, dict) and "parent" in one for one in nodes.values())


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The branch that ends at `current_node`: what was edited or generated again is on others, which are not read.

    Tool calls, hidden messages, pictures and the like are left out and counted. A question that is only a picture ends
    the dialogue: what answers it is left out too.
    """
    turns: list[Turn | None] = []
    left_out = []
    for node, message in _branch(record):
        role = _get(message, "author", "role")
        texts = _texts(node, message)
        reason = _reason(message, role, texts)
        if reason is None:
            turns.append(Turn("user" if role == "user" else "assistant", "\n".join(texts)))
        elif reason == "without_text" and role == "user":
            turns.append(None)
        if reason is not None and (texts or role in ("user", "assistant")):
            left_out.append(reason)
    for reason in left_out:
        notes.messages_dropped.add(reason, where)
    found: list[Item] = [Dialogue(where, kept) for kept in segments(turns)]
    yield from found or [Dropped(where, "empty_messages")]


def _branch(record: Record) -> list[tuple[str, Record]]:
    """The messages from the root to the current node, with the names of their nodes.

    Raises RecordError for a broken tree.
    """
    nodes = record.get("mapping")
    if not isinstance(nodes, dict):
        raise RecordError("broken_tree", "conversation {id}: mapping is no object of nodes", id=_id(record))
    name = record.get("current_node")
    if name is None:
        name = _newest_leaf(nodes)
    branch: list[tuple[str, Record]] = []
    passed = set()
    while name is not None:
        node = nodes.get(name) if isinstance(name, str) else None
        if not isinstance(node, dict):
            raise RecordError(
                "broken_tree", "conversation {id}: the node {name} is not in mapping", id=_id(record), name=name
            )
        if name in passed:
            raise RecordError(
                "broken_tree", "conversation {id}: the node {name} is its own ancestor", id=_id(record), name=name
            )
        passed.add(name)
        if isinstance(message := node.get("message"), dict):
            branch.append((name, message))
        name = node.get("parent")
    return branch[::-1]


def _newest_leaf(nodes: Record) -> str | None:
    """The node without children whose message is the newest."""
    newest, time = None, float("-inf")
    for name, node in nodes.items():
        if not isinstance(node, dict) or node.get("children"):
            continue
        created = _get(node, "message", "create_time")
        if newest is None or (isinstance(created, int | float) and created >= time):
            newest, time = name, created if isinstance(created, int | float) else time
    return newest


def _texts(node: str, message: Record) -> list[str]:
    """The texts of a message that are not blank; none where it is of another kind."""
    parts = _get(message, "content", "parts")
    if _get(message, "content", "content_type") not in WITH_TEXT or not isinstance(parts, list):
        return []
    texts = [string(f"mapping.{node}.message.content.parts", part) for part in parts if isinstance(part, str)]
    return [text for text in texts if text.strip()]


def _reason(message: Record, role: Any, texts: list[str]) -> str | None:
    """Why a message is left out; None where it is kept."""
    if role not in ("user", "assistant"):
        return "tool" if role == "tool" else "system"
    if message.get("weight") == 0:
        return "replaced"
    if _get(message, "metadata", "is_visually_hidden_from_conversation") is True:
        return "hidden"
    if message.get("recipient") not in (None, "all"):
        return "tool_call"
    if _get(message, "content", "content_type") not in WITH_TEXT:
        return "not_a_message"
    return None if texts else "without_text"


def _get(value: Any, *keys: str) -> Any:
    """The value under these keys; None where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _id(record: Record) -> str:
    return str(record.get("conversation_id") or record.get("id"))


READER = json_reader(JsonFormat(fits), dialogues)
