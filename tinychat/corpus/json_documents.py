"""Exports of messengers as JSON: whose they are, and the values at given paths of a document of any size."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_streams import MAX_DEPTH, OPENING, Document, Events, Part, parts_of
from tinychat.corpus.known_formats import has_key
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.limits import has_lone_surrogate

# Messengers by how their JSON begins, and its keys: one of each group is in its beginning.
MESSENGERS = (
    ("telegram", "{", "messages|chats|left_chats", "from_id|date_unixtime|actor_id"),
    ("telegram", "{", "about", "personal_information|contacts"),
    ("facebook", "{", "participants", "messages", "sender_name|timestamp_ms|senderName|thread_path|threadName"),
    ("discord", "{", "guild", "channel"),
    ("slack", "[", "type", "ts", "text|user|bot_id"),
)
MAX_BEGINNING = 1 << 16  # characters
INDEX = re.compile(r"\[\d+\]")


def messenger_of(head: Sequence[str]) -> str | None:
    """The messenger whose JSON begins with these lines, by the name of its reader; None for any other text."""
    text = "".join(head)[:MAX_BEGINNING].lstrip("\ufeff \t\r\n")
    return next(
        (
            name
            for name, first, *groups in MESSENGERS
            if text.startswith(first) and all(has_key(text, keys) for keys in groups)
        ),
        None,
    )


def json_values(text: TextFile, wanted: Collection[str]) -> Iterator[tuple[str, str, Any]]:
    """Each value at one of the paths `wanted`, in the order of the document: that path, its place, and the value.

    A path is the keys on the way, `[]` for the items of an array: `chats.list[].messages[]`, whose places are
    `chats.list[0].messages[7]` and the like. A value at a path is whole, so no path may begin with another one. A
    Phrase in its place says what is wrong with it. Raises InputError where the document is no JSON.
    """
    for part in parts_of(text, _AtPaths(wanted)):
        yield INDEX.sub("[]", part.place), part.place, part.fault.message if part.fault else part.value


class _AtPaths(Document):
    """A document whose records are the values at given paths."""

    def __init__(self, wanted: Collection[str]) -> None:
        super().__init__()
        self._wanted = frozenset(wanted)
        ends = ((path, [0, *(found.start() for found in re.finditer(r"\.|\[\]", path))]) for path in wanted)
        self._inner = {path[:end] for path, all_ends in ends for end in all_ends}

    def parts(self, pieces: Iterable[str]) -> Iterator[Part]:
        """The values, with their places."""
        events = self._events(pieces)
        containers: list[_Container] = []
        for event, value in events:
            if event in ("end_map", "end_array"):
                containers.pop()
                continue
            if event == "map_key":
                containers[-1].key = value
                continue
            path, place = containers[-1].next() if containers else ("", "")
            if path in self._wanted:
                item = self._begun(event, value)
                fault = self._fill(item, events) if event in OPENING else None
                if fault is None and self._has_halves and _has_half(item):
                    fault = RecordError(
                        "lone_surrogate",
                        "{key}: half a surrogate pair (such as \\ud83d alone), which is not a character.",
                        key=place,
                    )
                yield Part(place, item, fault)
            elif event in OPENING:
                if path in self._inner:
                    containers.append(_Container(path, place, event == "start_array"))
                else:
                    _skip(events)


class _Container:
    """An object or array that is being read: its path and place, and where in it the next value is."""

    def __init__(self, path: str, place: str, is_array: bool) -> None:
        self.path, self.place, self.is_array = path, place, is_array
        self.key, self.index = "", -1

    def next(self) -> tuple[str, str]:
        """Path and place of its next value."""
        if self.is_array:
            self.index += 1
            return f"{self.path}[]", f"{self.place}[{self.index}]"
        dot = "." if self.path else ""
        return f"{self.path}{dot}{self.key}", f"{self.place}{dot}{self.key}"


def _skip(events: Events) -> None:
    """Pass what an object or array that has begun holds. Raises RecursionError beyond MAX_DEPTH."""
    depth = 1
    for event, _ in events:
        if event in OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                raise RecursionError
        elif event == "end_map" or event == "end_array":
            depth -= 1
            if depth == 0:
                return


def _has_half(value: Any) -> bool:
    if isinstance(value, str):
        return has_lone_surrogate(value)
    if isinstance(value, dict):
        return any(_has_half(key) or _has_half(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_has_half, value))


def problem_of(value: Any, expected: Phrase) -> Phrase | None:
    """What is wrong with a value that is to be an object; None where it is one."""
    if isinstance(value, Phrase):
        return value
    return None if isinstance(value, dict) else expected
