"""The conversations of KoChatGPT as text: `<<start conversation>>`, then `<사람>: …` and `<챗봇>: …`."""

import re
from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Faulty, Role, Turn
from tinychat.corpus.reader import FileReader, Item, Notes, excerpt
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams

START = "<<start conversation>>"
MESSAGE = re.compile(r"<(?P<side>사람|챗봇)>\s?[:：]\s?(?P<text>.*)", re.DOTALL)
ROLES: dict[str, Role] = {"사람": "user", "챗봇": "assistant"}


def score(head: list[str], _: CorpusParams) -> float:
    """1 where the first line begins a conversation."""
    return float(bool(head) and head[0].lstrip("\ufeff").startswith(START))


def read(text: TextFile, _: CorpusParams, notes: Notes) -> Iterator[Item]:
    """A dialogue for each conversation; a line that is no message goes on with the one above it."""
    first = 0
    messages: list[tuple[Role, list[str]]] = []
    for number, raw in enumerate(text.lines(), start=1):
        line = raw.rstrip("\r\n")
        if line.startswith(START):
            if messages:
                yield _dialogue(f"{text.path}:{first}", messages)
            first, messages = number, []
        elif found := MESSAGE.fullmatch(line):
            first = first or number
            messages.append((ROLES[found["side"]], [found["text"]]))
        elif messages:
            messages[-1][1].append(line)
        elif line.strip():
            fault = Phrase(
                "{found} belongs to no message. Expected {sides}.", found=excerpt(line), sides="<사람>: …, <챗봇>: …"
            )
            yield Faulty(f"{text.path}:{number}", "no_speaker", fault)
    if messages:
        yield _dialogue(f"{text.path}:{first}", messages)


def _dialogue(where: str, messages: list[tuple[Role, list[str]]]) -> Dialogue:
    return Dialogue(where, tuple(Turn(role, "\n".join(lines)) for role, lines in messages))


READER = FileReader(score, read)
