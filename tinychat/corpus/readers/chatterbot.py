"""ChatterBot corpora (YAML): `conversations`, a list of lists of texts, the user's first."""

import re
from collections.abc import Generator, Iterator
from typing import Any

import yaml

from tinychat.corpus.dialogue import Dialogue, Faulty
from tinychat.corpus.json_records import alternating
from tinychat.corpus.reader import FileReader, Item, Notes, excerpt
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import CorpusParams

CONVERSATIONS = "conversations"
KEY = re.compile(rf"[\"']?{CONVERSATIONS}[\"']?:\s*(?:[\[#].*)?", re.DOTALL)
TEXT = "tag:yaml.org,2002:str"
# Events, since composing a document that is nested too deep ends the process.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RESOLVER = yaml.resolver.Resolver()

MAX_DEPTH = 200

Events = Iterator[Any]


def score(head: list[str], _: CorpusParams) -> float:
    """1 where a line is the key `conversations`; else 0."""
    return float(any(KEY.fullmatch(line) for line in head))


def read(text: TextFile, _: CorpusParams, notes: Notes) -> Iterator[Item]:
    """A dialogue for each conversation. What YAML takes for a number or a truth, such as `no`, is no text.

    Raises InputError where the file is no YAML, or has no conversations.
    """
    events = _bounded(text, yaml.parse("".join(text.lines()), Loader=LOADER))
    try:
        found = yield from _conversations(text, events)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            "{path}:{line}: not valid YAML: {problem}",
            path=text.path,
            line=mark.line + 1 if mark else 1,
            problem=getattr(error, "problem", None) or error,
        ) from None
    if not found:
        raise InputError(
            "{path}: no key conversations in it. Expected a list of lists of texts under it.", path=text.path
        )


def _bounded(text: TextFile, events: Events) -> Events:
    """The events. Raises InputError where lists are nested too deep: the time would be quadratic in their depth."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise InputError("{path}: brackets are nested too deep for dialogues", path=text.path)
        yield event


def _conversations(text: TextFile, events: Events) -> Generator[Item, None, bool]:
    """The dialogues of all keys `conversations` of all documents; gives whether there is one."""
    found = False
    depth = 0
    for event in events:
        if depth == 1 and isinstance(event, yaml.ScalarEvent):
            value = next(events)
            if event.value != CONVERSATIONS:
                _skip(value, events)
                continue
            if not isinstance(value, yaml.SequenceStartEvent):
                raise InputError(
                    "{path}:{line}: conversations is no list. Expected a list of lists of texts.",
                    path=text.path,
                    line=_line(value),
                )
            found = True
            yield from _items(text, events)
        else:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
    return found


def _items(text: TextFile, events: Events) -> Iterator[Item]:
    """A dialogue for each item of the list that has begun."""
    number = 0
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        yield _item(text, f"{CONVERSATIONS}[{number}]", event, events)
        number += 1


def _item(text: TextFile, name: str, begun: Any, events: Events) -> Item:
    """The dialogue of a list of texts."""
    if not isinstance(begun, yaml.SequenceStartEvent):
        _skip(begun, events)
        fault = Phrase("{key} is no list of texts. Write each text behind a dash of its own.", key=name)
        return Faulty(f"{text.path}:{_line(begun)}", "not_a_list", fault)
    texts = []
    faulty: Faulty | None = None
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        if _is_text(event):
            texts.append(event.value)
            continue
        found = excerpt(event.value) if isinstance(event, yaml.ScalarEvent) else Phrase("a list or a mapping")
        fault = Phrase(
            "{key}[{number}] is {found}, not text. Put it in quotes.", key=name, number=len(texts), found=found
        )
        faulty = faulty or Faulty(f"{text.path}:{_line(event)}", "bad_content", fault)
        _skip(event, events)
    return faulty or Dialogue(f"{text.path}:{_line(begun)}", alternating(texts))


def _is_text(event: Any) -> bool:
    if not isinstance(event, yaml.ScalarEvent):
        return False
    tag = event.tag if event.tag not in (None, "!") else RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
    return bool(tag == TEXT)


def _skip(begun: Any, events: Events) -> None:
    """Read to the end of the value that has begun."""
    depth = int(isinstance(begun, yaml.CollectionStartEvent))
    while depth:
        event = next(events)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


READER = FileReader(score, read, suffixes=(".yml", ".yaml"))
