"""Dialogues of AI Hub as JSON: 한국어 SNS, 대화 요약, 주제별 텍스트 일상 대화, 멀티세션 대화."""

import re
from collections.abc import Iterator
from typing import Any

from tinychat.corpus.dialogue import Dropped
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import JsonFormat, Record, json_speaker_reader, kind_of, objects, string
from tinychat.corpus.reader import Notes, SpokenDialogue

LICENCE = "AI Hub: its terms forbid passing the data on"
NAME = re.compile("#@이름#")
# What is in place of an emoticon, a picture and the like.
MARKS = re.compile(r"#@(?:이모티콘|시스템#[^#\s]{1,20})#")


def fits(record: Record) -> bool:
    """Whether it is laid out as one of the corpora."""
    return _layout(record) is not None


def dialogues(where: str, record: Record, notes: Notes) -> Iterator[SpokenDialogue | Dropped]:
    """The dialogue of a record. Names that the corpus masked become `<name>`; marks for emoticons are left out."""
    layout = _layout(record)
    if layout is None:
        raise RecordError("no_messages", "no dialogue as in the corpora of AI Hub: body, annotations.lines or dialog.")
    said = said_in(where, *layout, NAME, MARKS, notes)
    notes.remark_once(LICENCE)
    yield SpokenDialogue(where, said) if said else Dropped(where, "empty_messages")


def said_in(
    where: str,
    key: str,
    utterances: Any,
    speaker_key: str,
    text_key: str,
    name: re.Pattern[str],
    marks: re.Pattern[str],
    notes: Notes,
) -> tuple[tuple[str, str], ...]:
    """Who said what in a list of objects. Names that the corpus masked become `<name>`; its marks are left out.

    Raises RecordError for a faulty utterance, and then nothing is counted.
    """
    said = []
    left_out = 0
    for here, one in objects(key, utterances):
        text = string(f"{here}.{text_key}", one.get(text_key) or "")
        text, found = marks.subn("", name.sub("<name>", text))
        left_out += found
        said.append((speaker_id(f"{here}.{speaker_key}", one.get(speaker_key)), text))
    if left_out:
        notes.parts_dropped.add("mark", where, left_out)
    return tuple(said)


def speaker_id(key: str, value: Any) -> str:
    """Who speaks: a name or a number, or an object with an `id`. Raises RecordError where it is none of them."""
    if isinstance(value, dict):
        key, value = f"{key}.id", value.get("id")
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
        raise RecordError("no_speaker", "{key} is {found}. Expected who speaks.", key=key, found=kind_of(value))
    return str(value)


def _layout(record: Record) -> tuple[str, Any, str, str] | None:
    """The list of utterances and its key, and the keys of speaker and text in each of them."""
    body = record.get("body")
    if isinstance(body, dict) and "dialogue" in body:  # 대화 요약
        return "body.dialogue", body["dialogue"], "participantID", "utterance"
    header = record.get("header")
    if isinstance(header, dict) and "dialogueInfo" in header:  # 한국어 SNS
        return "body", body, "participantID", "utterance"
    annotations = record.get("annotations")
    if isinstance(annotations, dict) and "lines" in annotations:  # 주제별 텍스트 일상 대화
        return "annotations.lines", annotations["lines"], "speaker", "norm_text"
    dialog = record.get("dialog")
    if isinstance(dialog, list) and any(isinstance(one, dict) and "utterance" in one for one in dialog):  # 멀티세션
        return "dialog", dialog, "speaker", "utterance"
    return None


READER = json_speaker_reader(JsonFormat(fits, lists=("data", "info", "sessionInfo")), dialogues)
