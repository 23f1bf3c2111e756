"""Corpora of the National Institute of Korean Language (모두의 말뭉치): 메신저, 일상 대화, 구어, as JSON."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tinychat.corpus.dialogue import Dropped
from tinychat.corpus.json_records import JsonFormat, Record, json_speaker_reader
from tinychat.corpus.reader import Notes, SpokenDialogue
from tinychat.corpus.readers.aihub import Marks, said_in
from tinychat.params.sections import SourceParams

LICENCE = "모두의 말뭉치: its terms forbid passing the data on"
# {emoji}, {laughing}; what could not be heard: (()), ((xx)). What the transcriber guessed stays: ((그래)).
LEFT_OUT = r"\{[a-z][a-z_-]{0,30}\}|\(\([xX]*\)\)|\(\((?P<heard>[^()]{1,200})\)\)"
WRITTEN = Marks(
    masked=re.compile(
        r"&(?P<what>name|affiliation|company(?:-name)?|brand|location|address|social-security-num|tel-num|card-num"
        r"|bank-account|online-account|num)\d*&"
        r"|(?<![A-Za-z0-9&])name\d{1,3}(?![A-Za-z0-9&])"
    ),
    kinds={
        **dict.fromkeys((None, "name", "affiliation", "company", "company-name", "brand"), "name"),
        **dict.fromkeys(("location", "address"), "address"),
        **dict.fromkeys(("online-account", "num"), "id"),
        **{"social-security-num": "rrn", "tel-num": "phone", "card-num": "card", "bank-account": "account"},
    },
    left_out=re.compile(LEFT_OUT),
)
# In speech also words that were broken off, and sounds like -음-. In writing -끝- is meant so.
SPOKEN = replace(WRITTEN, left_out=re.compile(rf"{LEFT_OUT}|(?<!\S)-[가-힣 ]{{1,20}}-"))
SPOKEN_IDS = re.compile(r"S[A-Z]RW")  # how the ids of documents of speech begin


def fits(record: Record) -> bool:
    """Whether it has utterances with a speaker."""
    said = record.get("utterance")
    return isinstance(said, list) and all(isinstance(one, dict) and "speaker_id" in one for one in said[:1])


def dialogues(where: str, record: Record, source: SourceParams, notes: Notes) -> Iterator[SpokenDialogue | Dropped]:
    """The utterances of a document without the marks of the corpus, in the spelling that the source asks for."""
    is_speech = SPOKEN_IDS.match(str(record.get("id", ""))) is not None
    form = "original_form" if source.original_form else "form"
    marks = SPOKEN if is_speech else WRITTEN
    said = said_in(where, "utterance", record.get("utterance"), "speaker_id", form, marks, notes)
    if is_speech:
        said = _joined(said)
    notes.remark_once(LICENCE)
    yield SpokenDialogue(where, said) if said else Dropped(where, "empty_messages")


def _joined(said: Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str | None], ...]:
    """The utterances of one speaker in a row as one: in speech a sentence is cut into several. Blank ones stay."""
    joined: list[tuple[str, str | None]] = []
    last = -1  # the last one that is not blank
    for speaker, text in said:
        if text and text.strip() and last >= 0 and joined[last][0] == speaker:
            joined[last] = speaker, f"{joined[last][1]} {text}"
            continue
        if text and text.strip():
            last = len(joined)
        joined.append((speaker, text))
    return tuple(joined)


READER = json_speaker_reader(JsonFormat(fits, lists=("document",)), dialogues, options=("original_form",))
