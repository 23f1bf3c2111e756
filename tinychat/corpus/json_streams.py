"""Documents of JSON of any size, parsed as a stream, and as strictly as lines are (json_lines.py)."""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from tinychat.corpus.json_lines import RecordError, twice_error
from tinychat.corpus.reader import EXCERPT, excerpt
from tinychat.corpus.text_files import PIECE_CHARACTERS, TextFile
from tinychat.errors import InputError, Phrase

MAX_DEPTH = 200
# ijson puts a question mark where half a surrogate pair is, so it is given this instead, which no text holds.
STAND_IN, HALF = "\ufffe", "\ud800"
SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
ESCAPE = re.compile(
    r"\\(?:(?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
FIRST_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")
MAX_ESCAPE = len(r"\ud83d\ude00")
# What ijson says, and what a person may have done.
HINTS = (
    ("after array element", " A comma or a bracket is missing before it."),
    ("after key and value", " A comma or a bracket is missing before it."),
    ("unallowed token", " A comma or a bracket too many is before it."),
    ("invalid object key", " A comma too many is before it, or it is a key without quotes."),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A record of a document: its place (`[3]`, `data[3]`, or nothing for the whole), its value, and what is wrong."""

    place: str
    value: Any
    fault: RecordError | None = None


Events = Iterator[tuple[str, Any]]
OPENING = frozenset({"start_map", "start_array"})


class Document:
    """A JSON document, parsed as a stream.

    Its records are the items of its array, or of those of `lists` that its object has, or with `values` what its object
    holds; or the object itself. A text of several documents is read as one.
    """

    def __init__(self, lists: Iterable[str] = (), values: bool = False) -> None:
        self._lists, self._values = frozenset(lists), values
        self._has_halves = False

    def parts(self, pieces: Iterable[str]) -> Iterator[Part]:
        """The records, one by one. Raises ijson.JSONError for what is no JSON, RecursionError beyond MAX_DEPTH."""
        events = self._events(pieces)
        for number, (event, value) in enumerate(events):
            if event == "start_array":
                yield from self._items("", events)
            elif event == "start_map":
                yield from self._object(f"[{number}]" if number else "", events)
            else:
                yield Part("", value)

    def beginning(self, pieces: Iterable[str]) -> tuple[list[Any], bool]:
        """The documents in a text that may end anywhere, as far as they go; and whether the last one is cut."""
        import ijson

        events = self._events(pieces)
        found: list[Any] = []
        try:
            for event, value in events:
                found.append(self._begun(event, value))
                if event in OPENING:
                    self._fill(found[-1], events)
        except (ijson.JSONError, RecursionError, ValueError, SystemError):  # as in `parts_of`
            return found, True
        return found, False

    def records(self, document: Any) -> list[Any]:
        """The records of a document that was parsed as a whole."""
        if isinstance(document, list):
            return document
        if not isinstance(document, dict):
            return [document]
        lists = [value for key, value in document.items() if key in self._lists and isinstance(value, list)]
        if lists:
            return [record for items in lists for record in items]
        return list(document.values()) if self._values else [document]

    def _items(self, name: str, events: Events) -> Iterator[Part]:
        for number, (event, value) in enumerate(events):
            if event == "end_array":
                return
            item = self._begun(event, value)
            fault = self._fill(item, events) if event in OPENING else None
            yield Part(f"{name}[{number}]", item, fault)

    def _object(self, place: str, events: Events) -> Iterator[Part]:
        whole: dict[str, Any] = {}
        fault: RecordError | None = None
        has_records = False
        for number, (event, key) in enumerate(events):
            if event == "end_map":
                break
            event, value = next(events)
            if event == "start_array" and key in self._lists:
                has_records = True
                yield from self._items(key, events)
                continue
            inner = self._begun(event, value)
            inner_fault = self._fill(inner, events) if event in OPENING else None
            if self._values:
                has_records = True
                yield Part(f"[{number}]", inner, inner_fault)
                continue
            fault = twice_error(key) if key in whole else inner_fault or fault
            whole[key] = inner
        if not has_records:
            yield Part(place, whole, fault)

    def _fill(self, top: Any, events: Events) -> RecordError | None:
        """Put what the events hold into a dict or a list that has begun, until it ends; what is wrong with it."""
        outer: list[Any] = []
        key = ""
        fault: RecordError | None = None
        for event, value in events:
            if event == "map_key":
                key = value
                if key in top:
                    fault = twice_error(key)
                continue
            if event == "end_map" or event == "end_array":
                if not outer:
                    return fault
                top = outer.pop()
                continue
            new = self._begun(event, value)
            if type(top) is dict:
                top[key] = new
            else:
                top.append(new)
            if event in OPENING:
                outer.append(top)
                top = new
                if len(outer) > MAX_DEPTH:
                    raise RecursionError
        return fault

    def _begun(self, event: str, value: Any) -> Any:
        """The value of an event: an empty dict or list where one begins."""
        if event == "string":
            return value.replace(STAND_IN, HALF) if self._has_halves else value
        if event == "start_map":
            return {}
        if event == "start_array":
            return []
        return float(value) if type(value) is Decimal else value

    def _events(self, pieces: Iterable[str]) -> Events:
        import ijson  # not in the core, which needs no documents

        found = ijson.sendable_list()
        parser = ijson.basic_parse_coro(found, multiple_values=True)
        for piece in self._without_halves(pieces):
            if not piece:
                continue  # to ijson it would be the end
            try:
                parser.send(piece.encode("utf-8"))
            except ijson.JSONError:
                yield from found  # what is before the fault
                raise
            except InvalidOperation:  # of Decimal, whose exponents end before twenty digits
                yield from found
                raise ValueError from None
            yield from found
            found.clear()
        parser.close()
        yield from found

    def _without_halves(self, pieces: Iterable[str]) -> Iterator[str]:
        """The text with STAND_IN for each half of a surrogate pair; an escape is not divided between two pieces."""
        kept = ""
        for piece in pieces:
            text = kept + piece
            cut = text.find("\\", max(0, len(text) - MAX_ESCAPE))
            if cut < 0:
                cut = len(text)
            elif FIRST_HALF.match(text, max(0, cut - 6), cut):
                cut -= 6
            cut -= (cut - len(text[:cut].rstrip("\\"))) % 2  # of two the second begins no escape
            kept = text[cut:]
            yield self._mended(text[:cut])
        yield self._mended(kept)

    def _mended(self, text: str) -> str:
        if SURROGATE_ESCAPE.search(text) is None:
            return text
        return ESCAPE.sub(self._mend, text)

    def _mend(self, escape: re.Match[str]) -> str:
        if escape["half"] is None:
            return escape[0]
        self._has_halves = True
        return STAND_IN


def parts_of(text: TextFile, document: Document) -> Iterator[Part]:
    """The records of a document in a file. Raises InputError with line and column for what is no JSON."""
    import ijson

    sent = 0  # characters in the pieces that were parsed

    def counted() -> Iterator[str]:
        nonlocal sent
        for piece in text.pieces():
            sent += len(piece)
            yield piece

    try:
        yield from document.parts(counted())
    except ijson.JSONError as error:
        raise _explain_document(text, sent, str(error)) from None
    except RecursionError:
        raise InputError("{path}: brackets are nested too deep for dialogues", path=text.path) from None
    except (ValueError, SystemError):  # the latter is what ijson in C makes of Python's ValueError
        raise InputError("{path}: a number in it is too long", path=text.path) from None


def _explain_document(text: TextFile, sent: int, problem: str) -> InputError:
    """The error for a document that is no JSON, of whose first `sent` characters the last ones were at fault."""
    at = None if "premature EOF" in problem else _fault(text, sent)
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    line, column, passed = 1, 1, 0
    for piece in text.pieces():
        before = newlines.decode(piece if at is None else piece[: at - passed])
        line += before.count("\n")
        column = len(before) - before.rfind("\n") if "\n" in before else column + len(before)
        if at is not None and passed + len(piece) > at:
            hint = next((hint for said, hint in HINTS if said in problem), "")
            return InputError(
                "{path}:{line}: not valid JSON at column {column}: {found}.{hint}",
                path=text.path,
                line=line,
                column=column,
                found=excerpt(piece[at - passed : at - passed + EXCERPT + 1]),
                hint=Phrase(hint) if hint else "",
            )
        passed += len(piece)
    return InputError(
        "{path}:{line}: the JSON ends before its brackets are closed; the file may be cut", path=text.path, line=line
    )


def _fault(text: TextFile, sent: int) -> int | None:
    """Where the first character is that cannot follow, which ijson does not tell; None: what is missing is at the end.

    The parser cannot go back, so that each step, which narrows the range to a 32nd of it, parses from the beginning.
    """
    start, end = max(0, sent - 2 * PIECE_CHARACTERS), sent
    while end - start > 1:
        found = _failing(text, start, max(1, (end - start) // 32))
        if found is None:
            return None
        start, end = found
    return start


def _failing(text: TextFile, start: int, step: int) -> tuple[int, int] | None:
    """The first portion of the text that cannot follow, in steps behind `start`: where it begins and ends."""
    import ijson

    parser = ijson.basic_parse_coro(ijson.sendable_list(), multiple_values=True)
    passed = 0
    for piece in text.pieces():
        whole = min(max(0, start - passed), len(piece))
        portions = [piece[:whole], *(piece[at : at + step] for at in range(whole, len(piece), step))]
        for portion in filter(None, portions):
            try:
                parser.send(portion.encode("utf-8"))
            except ijson.JSONError:
                return passed, passed + len(portion)
            passed += len(portion)
    return None
