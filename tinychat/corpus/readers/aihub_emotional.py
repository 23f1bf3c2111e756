"""AI Hub 감성 대화 as JSON: `talk.content` with HS01 (the person, who is the user), SS01 (the bot), HS02 …"""

import re
from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Dropped, Turn
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import JsonFormat, Record, json_reader, kind_of, string
from tinychat.corpus.reader import Item, Notes
from tinychat.corpus.readers.aihub import LICENCE

SENTENCE = re.compile(r"(?P<side>[HS])S(?P<number>\d{1,3})")


def fits(record: Record) -> bool:
    """Whether it has sentences with such names."""
    return any(SENTENCE.fullmatch(key) for key in _content(record))


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The sentences by their number, the person's first; blank ones, as at the end, are none."""
    content = _content(record)
    if not content:
        raise RecordError(
            "no_messages", "{key} is {found}. Expected an object.", key="talk.content", found=kind_of(None)
        )
    numbered = sorted(
        (int(found["number"]), found["side"], key) for key in content if (found := SENTENCE.fullmatch(key))
    )
    turns = [
        Turn("user" if side == "H" else "assistant", string(f"talk.content.{key}", content[key]))
        for _, side, key in numbered
    ]
    notes.remark_once(LICENCE)
    kept = tuple(turn for turn in turns if turn.content.strip())
    yield Dialogue(where, kept) if kept else Dropped(where, "empty_messages")


def _content(record: Record) -> Record:
    talk = record.get("talk")
    content = talk.get("content") if isinstance(talk, dict) else None
    return content if isinstance(content, dict) else {}


READER = json_reader(JsonFormat(fits, lists=("data",), trailing_commas=True), dialogues)
