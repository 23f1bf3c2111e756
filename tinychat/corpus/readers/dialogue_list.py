"""Objects with `dialog`, `dialogue` or `utterances`: a list of texts, the user's first."""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Dropped
from tinychat.corpus.json_records import JsonFormat, Record, alternating, items, json_reader, string
from tinychat.corpus.reader import Item, Notes

LISTS = ("dialog", "dialogue", "utterances")


def fits(record: Record) -> bool:
    """Whether one of its lists holds texts."""
    return _name(record) is not None


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[Item]:
    """The texts, the user's first."""
    name = _name(record) or LISTS[0]
    texts = [string(key, text) for key, text in items(name, record.get(name))]
    notes.note_unused(record, (name,))
    yield Dialogue(where, alternating(texts)) if texts else Dropped(where, "empty_messages")


def _name(record: Record) -> str | None:
    return next(
        (name for name in LISTS if isinstance(texts := record.get(name), list) and texts and type(texts[0]) is str),
        None,
    )


READER = json_reader(JsonFormat(fits, lists=("data",)), dialogues)
