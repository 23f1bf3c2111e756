"""Corpora of the National Institute of Korean Language (모두의 말뭉치): 메신저, 일상 대화, 구어, as JSON."""

import re
from collections.abc import Iterator

from tinychat.corpus.dialogue import Dropped
from tinychat.corpus.json_records import JsonFormat, Record, json_speaker_reader
from tinychat.corpus.reader import Notes, SpokenDialogue
from tinychat.corpus.readers.aihub import said_in

LICENCE = "모두의 말뭉치: its terms forbid passing the data on"
NAME = re.compile(r"&name\d*&|(?<![A-Za-z0-9&])name\d{1,3}(?![A-Za-z0-9&])")
# What was not typed, or not understood: {emoji}, {laughing}, (()).
MARKS = re.compile(r"\{[a-z][a-z_-]{0,30}\}|\(\(\)\)")


def fits(record: Record) -> bool:
    """Whether it has utterances with a speaker."""
    said = record.get("utterance")
    return isinstance(said, list) and all(isinstance(one, dict) and "speaker_id" in one for one in said[:1])


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[SpokenDialogue | Dropped]:
    """The utterances of a document in their normalised spelling (`form`). Masked names become `<name>`."""
    said = said_in(where, "utterance", record.get("utterance"), "speaker_id", "form", NAME, MARKS, notes)
    notes.remark_once(LICENCE)
    yield SpokenDialogue(where, said) if said else Dropped(where, "empty_messages")


READER = json_speaker_reader(JsonFormat(fits, lists=("document",)), dialogues)
