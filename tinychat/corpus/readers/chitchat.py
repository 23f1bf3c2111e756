"""The chitchat-dataset: conversations by their ids, with `messages`, a list of turns of one sender each."""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dropped
from tinychat.corpus.json_records import JsonFormat, Record, items, json_speaker_reader, objects, string
from tinychat.corpus.reader import Notes, SpokenDialogue
from tinychat.params.sections import SourceParams


def fits(record: Record) -> bool:
    """Whether its messages are lists of texts with their senders."""
    turns = record.get("messages")
    messages = [one for turn in turns if isinstance(turn, list) for one in turn] if isinstance(turns, list) else []
    return any(isinstance(message, dict) and {"sender", "text"} <= message.keys() for message in messages)


def dialogues(where: str, record: Record, _: SourceParams, notes: Notes) -> Iterator[SpokenDialogue | Dropped]:
    """The messages of a conversation."""
    said = tuple(
        (string(f"{key}.sender", message.get("sender")), string(f"{key}.text", message.get("text")))
        for name, turn in items("messages", record.get("messages"))
        for key, message in objects(name, turn)
    )
    yield SpokenDialogue(where, said) if said else Dropped(where, "empty_messages")


READER = json_speaker_reader(JsonFormat(fits, values=True), dialogues)
