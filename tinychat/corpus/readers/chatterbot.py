"""The sample: the Korean part of the package chatterbot-corpus (BSD), YAML files of lists of lines.

A list longer than two is a question and its alternative answers, each a dialogue of its own; only in TURN_FILES the
lines are turns. Read as turns, the others teach nonsense.
"""

from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import yaml

from tinychat.corpus.cleaning import has_lone_surrogate
from tinychat.corpus.dialogue import Dialogue, Dropped, Turn
from tinychat.corpus.reader import Faulty, Item, Notes, PackageReader
from tinychat.errors import InputError

PACKAGE = "chatterbot-corpus"
FOLDER = "chatterbot_corpus/data/korean"
TURN_FILES = ("conversations.yml", "greetings.yml", "health.yml")


def read(package: Distribution, notes: Notes) -> Iterator[Item]:
    """One item a dialogue, file by file in the order of their names; `where` is the file and the list's number."""
    folder = Path(str(package.locate_file(FOLDER)))
    paths = sorted(folder.glob("*.yml"), key=lambda path: path.name)
    if not paths:
        raise InputError(f"{folder}: no .yml file; install the package {PACKAGE} again")
    for path in paths:
        for number, lines in enumerate(_lists(path), start=1):
            where = f"{PACKAGE}/{path.name}:{number}"
            yield from _dialogues(where, lines, as_turns=path.name in TURN_FILES)


def _lists(path: Path) -> list[Any]:
    try:
        # utf-8-sig: science.yml begins with a BOM, which would become part of the first key.
        data = yaml.load(path.read_text(encoding="utf-8-sig"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid YAML in UTF-8: {error}") from None
    lists = data.get("conversations") if isinstance(data, dict) else None
    if not isinstance(lists, list):
        raise InputError(f"{path}: no list `conversations`")
    return lists


def _dialogues(where: str, lines: Any, *, as_turns: bool) -> Iterator[Item]:
    if not isinstance(lines, list):
        # A string here, looped over, would give single letters.
        yield Faulty(where, "not_a_list", f"{lines!r:.60}. Expected a list of lines.")
        return
    for place, line in enumerate(lines):
        if not isinstance(line, str) or has_lone_surrogate(line):
            yield Faulty(where, "not_text", f"line {place + 1} is {line!r:.60}. Expected text; put it in quotes.")
            return
    if len(lines) < 2:
        yield Dropped(where, "no_answer")
    elif as_turns:
        yield Dialogue(where, tuple(Turn("assistant" if i % 2 else "user", line) for i, line in enumerate(lines)))
    else:
        for answer in lines[1:]:
            yield Dialogue(where, (Turn("user", lines[0]), Turn("assistant", answer)))


READER = PackageReader(PACKAGE, read)
