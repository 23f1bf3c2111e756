"""JSON Lines in the OpenAI chat format: `{"messages": [{"role": …, "content": …}, …]}`, one dialogue per line.

Left out and counted: system and developer messages (the chat template has no token for them), tool calls and
tool results, images and other parts that are not text.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, Role, Turn
from tinychat.corpus.known_formats import known_json
from tinychat.corpus.reader import FileReader, Item, Notes, excerpt, excerpts
from tinychat.corpus.text_files import TextFile
from tinychat.corpus.turns import LEFT_OUT_ROLES
from tinychat.errors import InputError, Phrase
from tinychat.params.limits import has_lone_surrogate
from tinychat.params.sections import CorpusParams

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
LINE_KEYS = ("messages",)
MESSAGE_KEYS = ("role", "content", "weight", "tool_call_id", *INSTEAD_OF_CONTENT)
KINDS = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null or missing"}


class _FaultError(Exception):
    """A faulty line: a fixed reason that is counted, and a message for the person, a template with its values."""

    def __init__(self, reason: str, template: str, **values: object) -> None:
        super().__init__(reason)
        self.reason, self.message = reason, Phrase(template, **values)


def score(head: list[str], params: CorpusParams) -> float:
    """The share of lines that look like objects with `messages`, also faulty ones: `read` reports their faults.

    An array or an indented object of messages scores 1, also for `read` to report. Messages of another program score 0.
    """
    if known_json(head) is not None:
        return 0.0
    lines = [line for line in head if line.strip()]
    fitting = sum(line.lstrip().startswith("{") and '"messages"' in line for line in lines)
    beginning = "".join(lines[:50])
    if beginning.lstrip().startswith("[") or fitting == 0:
        return float(beginning.lstrip()[:1] in ("[", "{") and '"messages"' in beginning)
    return fitting / len(lines)


def read(text: TextFile, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """One item for each line that is not blank.

    Raises InputError where the file is a JSON array.
    """
    first = True
    for number, line in enumerate(text.lines(), start=1):
        if not line.strip():
            continue
        if first and line.lstrip().startswith("["):
            raise InputError(
                "{path}:{line}: a JSON array (the file begins with [). Expected one JSON object a line, "
                "without [ and ] around them and without commas between the lines.",
                path=text.path,
                line=number,
            )
        first = False
        where = f"{text.path}:{number}"
        try:
            yield _dialogue(where, _parse(line), notes)
        except _FaultError as fault:
            yield Faulty(where, fault.reason, fault.message)


def _parse(line: str) -> dict[str, Any]:
    """The object in a line; raises _FaultError for what `json` accepts and should not: NaN, duplicate keys."""
    try:
        value = json.loads(line.rstrip(), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _explain_json(line, error) from None
    except (ValueError, RecursionError) as error:
        fault = Phrase("nested too deep") if isinstance(error, RecursionError) else Phrase("a number is too long")
        raise _FaultError(
            "not_json", "not valid JSON: {fault}. Each line must be one JSON object.", fault=fault
        ) from None
    if not isinstance(value, dict):
        raise _FaultError(
            "not_an_object", "found {found}. Each line must be one JSON object.", found=excerpt(line.strip())
        )
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise _FaultError("duplicate_key", "the key {key} occurs twice in one object.", key=excerpt(twice))
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _FaultError("not_json", "{name} is not valid JSON. Each line must be one JSON object.", name=name)


def _explain_json(line: str, error: json.JSONDecodeError) -> _FaultError:
    rest, column = line[error.pos :].strip(), error.pos + 1
    if error.msg == "Extra data" and rest == ",":
        return _FaultError(
            "not_json",
            "a comma after the object at column {column}. Each line must be one JSON object; leave it out.",
            column=column,
        )
    if line.strip() in ("[", "]"):
        return _FaultError(
            "not_json",
            "{bracket} on a line of its own. Each line must be one JSON object; leave [ and ] out.",
            bracket=line.strip(),
        )
    expected = error.msg.replace("Expecting value", "expected a value").replace("Expecting", "expected")
    expected = expected[0].lower() + expected[1:]
    return _FaultError(
        "not_json",
        "not valid JSON at column {column} ({expected}). Each line must be one JSON object.",
        column=column,
        expected=expected,
    )


def _dialogue(where: str, record: dict[str, Any], notes: Notes) -> Item:
    messages = record.get("messages")
    if not isinstance(messages, list):
        raise _FaultError(
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
            raise _FaultError(
                "bad_message",
                "{key} is {found}. Expected an object with role and content.",
                key=path,
                found=_kind(message),
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
    for kind in parts_lost:
        notes.parts_dropped.add(kind, where)
    for reason in dropped:
        notes.messages_dropped.add(reason, where)
    return Dropped(where, "user_turn_without_text") if user_turn_lost else Dialogue(where, tuple(turns))


def _role(path: str, message: dict[str, Any]) -> str:
    role = message.get("role")
    if isinstance(role, str) and role in KNOWN_ROLES:
        return role
    found = excerpt(role) if isinstance(role, str) else _kind(role)
    plain = role.strip().lower() if isinstance(role, str) else ""
    meant = plain if plain in KNOWN_ROLES else ROLE_ALIASES.get(plain)
    raise _FaultError(
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
        raise _FaultError(
            "bad_weight",
            "{key}.weight is on a {role} message. Only assistant messages have it.",
            key=path,
            role=role,
        )
    if type(weight) is not int or weight not in (0, 1):
        raise _FaultError(
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
        raise _FaultError(
            "bad_content",
            "{key}.content is {found}, and there is none of {instead}. Expected a string or a list of parts.",
            key=path,
            found=Phrase("null") if "content" in message else Phrase("missing"),
            instead=", ".join(INSTEAD_OF_CONTENT),
        )
    if isinstance(content, str):
        return _checked(f"{path}.content", content), []
    if not isinstance(content, list):
        raise _FaultError(
            "bad_content",
            "{key}.content is {found}. Expected a string or a list of parts.",
            key=path,
            found=_kind(content),
        )
    texts, lost = [], []
    for number, part in enumerate(content):
        here = f"{path}.content[{number}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(_checked(here, part["text"]))
        elif kind in DROPPED_PARTS:
            lost.append(str(kind))
        else:
            raise _FaultError("bad_content", '{key} is not a part. Expected {{"type": "text", "text": "…"}}.', key=here)
    return "".join(texts), lost


def _checked(path: str, text: str) -> str:
    if has_lone_surrogate(text):
        raise _FaultError(
            "lone_surrogate",
            "{key}: half a surrogate pair (such as \\ud83d alone), which is not a character.",
            key=path,
        )
    return text


def _kind(value: Any) -> str:
    return Phrase(KINDS.get(type(value), "a number"))


READER = FileReader(score, read, suffixes=(".jsonl", ".ndjson"))
