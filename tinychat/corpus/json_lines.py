"""Lines of JSON, each an object of its own, parsed strictly: no NaN, no duplicate keys.

orjson would keep the last of duplicate keys silently.
"""

import json
from collections import Counter
from typing import Any, NoReturn

from tinychat.corpus.reader import excerpt
from tinychat.errors import Phrase


class RecordError(Exception):
    """A faulty record: a fixed reason that is counted, and a message for the person, a template with its values."""

    def __init__(self, reason: str, template: str, **values: object) -> None:
        super().__init__(reason)
        self.reason, self.message = reason, Phrase(template, **values)


def parse_line(line: str) -> dict[str, Any]:
    """The object in a line; raises RecordError for what `json` accepts and should not: NaN, duplicate keys."""
    try:
        value = _DECODER.decode(line.rstrip())
    except json.JSONDecodeError as error:
        raise _explain(line, error) from None
    except (ValueError, RecursionError) as error:
        fault = Phrase("nested too deep") if isinstance(error, RecursionError) else Phrase("a number is too long")
        raise RecordError(
            "not_json", "not valid JSON: {fault}. Each line must be one JSON object.", fault=fault
        ) from None
    if not isinstance(value, dict):
        raise RecordError(
            "not_an_object", "found {found}. Each line must be one JSON object.", found=excerpt(line.strip())
        )
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise twice_error(twice)
    return found


def twice_error(key: str) -> RecordError:
    """The fault of an object that has a key twice."""
    return RecordError("duplicate_key", "the key {key} occurs twice in one object.", key=excerpt(key))


def _refuse_constant(name: str) -> NoReturn:
    raise RecordError("not_json", "{name} is not valid JSON. Each line must be one JSON object.", name=name)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)


def _explain(line: str, error: json.JSONDecodeError) -> RecordError:
    rest, column = line[error.pos :].strip(), error.pos + 1
    if error.msg == "Extra data" and rest == ",":
        return RecordError(
            "not_json",
            "a comma after the object at column {column}. Each line must be one JSON object; leave it out.",
            column=column,
        )
    if line.strip() in ("[", "]"):
        return RecordError(
            "not_json",
            "{bracket} on a line of its own. Each line must be one JSON object; leave [ and ] out.",
            bracket=line.strip(),
        )
    expected = error.msg.replace("Expecting value", "expected a value").replace("Expecting", "expected")
    expected = expected[0].lower() + expected[1:]
    return RecordError(
        "not_json",
        "not valid JSON at column {column} ({expected}). Each line must be one JSON object.",
        column=column,
        expected=expected,
    )
