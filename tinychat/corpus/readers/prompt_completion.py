"""Objects with `prompt` and `completion`, or with `completion_0`, `completion_1` … and their `ranking` (KoChatGPT)."""

import re
from collections.abc import Iterator
from typing import Any

from tinychat.corpus.dialogue import Dialogue, Dropped, Role, Turn
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import DIALOGUE_KEYS, JsonFormat, Record, json_reader, objects, string, turns_of
from tinychat.corpus.reader import Item, Notes
from tinychat.corpus.table_header import ANSWER

NUMBERED = re.compile(r"completion_\d{1,3}")
OTHER_ANSWERS = frozenset(ANSWER) - {"completion"} | {"chosen", "rejected"}
ROLES: dict[str, Role | None] = {"user": "user", "assistant": "assistant", "system": None}


def fits(record: Record) -> bool:
    """Whether it has a prompt, and a completion or no answer at all: the error then names what it is."""
    if "prompt" not in record or not DIALOGUE_KEYS.isdisjoint(record):
        return False
    return "completion" in record or bool(_numbered(record)) or OTHER_ANSWERS.isdisjoint(record)


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The prompt and its completion, of several the one with the best rank."""
    key = _completion_key(record)
    asked = messages_of(where, "prompt", record.get("prompt"), "user", notes)
    answered = messages_of(where, key, record[key], "assistant", notes)
    notes.note_unused(record, ("prompt", "ranking", "completion", *_numbered(record)))
    yield pair(where, asked, tuple(_without_stray_quote(turn, where, notes) for turn in answered))


def messages_of(where: str, key: str, value: Any, role: Role, notes: Notes) -> tuple[Turn, ...]:
    """The turns of a text of one side, or of a list of messages with role and content."""
    if isinstance(value, list):
        return turns_of(where, objects(key, value), "role", "content", ROLES, notes)
    return (Turn(role, string(key, value)),)


def pair(where: str, asked: tuple[Turn, ...], answered: tuple[Turn, ...]) -> Item:
    """Both as one dialogue; dropped where one side has no text."""
    if not any(turn.content.strip() for turn in asked):
        return Dropped(where, "empty_question")
    if not any(turn.content.strip() for turn in answered):
        return Dropped(where, "empty_answer")
    return Dialogue(where, (*asked, *answered))


def _numbered(record: Record) -> list[str]:
    return sorted(filter(NUMBERED.fullmatch, record), key=lambda key: int(key.rpartition("_")[2]))


def _completion_key(record: Record) -> str:
    """The key of the completion to learn. Raises RecordError where there is none."""
    if "completion" in record:
        return "completion"
    keys = _numbered(record)
    if not keys:
        raise RecordError(
            "no_completion",
            "a prompt without a completion, as in the PPO part of KoChatGPT, from which no answer can be learnt. Take "
            "its SFT part.",
        )
    ranking = record.get("ranking")
    if not isinstance(ranking, list) or len(ranking) != len(keys) or not all(type(rank) is int for rank in ranking):
        raise RecordError(
            "bad_ranking",
            "{count} completions, and ranking is not a list of as many whole numbers.",
            count=len(keys),
        )
    return keys[ranking.index(min(ranking))]


def _without_stray_quote(turn: Turn, where: str, notes: Notes) -> Turn:
    """Without a quote at the beginning that nothing closes: KoChatGPT has such completions."""
    if not turn.content.startswith("'") or turn.content.count("'") > 1:
        return turn
    notes.parts_dropped.add("stray_quote", where)
    return Turn(turn.role, turn.content[1:])


READER = json_reader(JsonFormat(fits), dialogues)
