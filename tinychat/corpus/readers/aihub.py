"""Dialogues of AI Hub as JSON: 한국어 SNS, 대화 요약, 주제별 텍스트 일상 대화, 멀티세션 대화."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tinychat.corpus.dialogue import Dropped
from tinychat.corpus.json_lines import RecordError
from tinychat.corpus.json_records import JsonFormat, Record, json_speaker_reader, kind_of, objects, string
from tinychat.corpus.reader import Notes, SpokenDialogue
from tinychat.params.sections import SourceParams

LICENCE = "AI Hub: its terms forbid passing the data on"


@dataclass(frozen=True)
class Marks:
    """What the texts of a corpus have in place of something else.

    masked    personal data that the corpus masked; the group `what` is one of `kinds`, or masked by no rule of ours
    left_out  what was not typed, or not understood; but for the group `heard`, which stays
    """

    masked: re.Pattern[str]
    kinds: Mapping[str | None, str]
    left_out: re.Pattern[str]

    def without(self, text: str) -> tuple[str, int]:
        """The text with the placeholders of masking (`<name>`), and how many marks were left out."""
        text, count = self.left_out.subn(lambda mark: mark.groupdict().get("heard") or "", text)
        return self.masked.sub(lambda mask: f"<{self.kinds.get(mask['what'], 'blocked')}>", text), count


MARKS = Marks(
    # As written in places: #@주소 #
    masked=re.compile(r"#@(?P<what>[^#@\s]{1,10})[@ ]?#"),
    kinds={
        **dict.fromkeys(("이름", "신원", "소속"), "name"),
        **dict.fromkeys(("주소", "장소"), "address"),
        **dict.fromkeys(("계정", "번호"), "id"),
        **{"전번": "phone", "금융": "account", "URL": "url", "url": "url"},
    },
    # In place of an emoticon, a picture and the like.
    left_out=re.compile(r"#@이모티콘#|#@시스템#(?:[^#@\s]{1,20}#)?"),
)


def fits(record: Record) -> bool:
    """Whether it is laid out as one of the corpora."""
    return _layout(record) is not None


def dialogues(where: str, record: Record, source: SourceParams, notes: Notes) -> Iterator[SpokenDialogue | Dropped]:
    """The dialogue of a record, without the marks of the corpus."""
    layout = _layout(record)
    if layout is None:
        raise RecordError("no_messages", "no dialogue as in the corpora of AI Hub: body, annotations.lines or dialog.")
    said = said_in(where, *layout, MARKS, notes, source.drop_masked)
    notes.remark_once(LICENCE)
    yield SpokenDialogue(where, said) if said else Dropped(where, "empty_messages")


def said_in(
    where: str,
    key: str,
    utterances: Any,
    speaker_key: str,
    text_key: str,
    marks: Marks,
    notes: Notes,
    drop_masked: bool = False,
) -> tuple[tuple[str, str | None], ...]:
    """Who said what in a list of objects, without the marks of the corpus; those that are left out are counted.

    `drop_masked`: also texts in which the corpus masked something with `*`; None stands in their places.

    Raises RecordError for a faulty utterance, and then nothing is counted.
    """
    said: list[tuple[str, str | None]] = []
    left_out = masked = 0
    for here, one in objects(key, utterances):
        text, found = marks.without(string(f"{here}.{text_key}", one.get(text_key) or ""))
        left_out += found
        is_dropped = drop_masked and "*" in text
        masked += is_dropped
        said.append((speaker_id(f"{here}.{speaker_key}", one.get(speaker_key)), None if is_dropped else text))
    if left_out:
        notes.parts_dropped.add("mark", where, left_out)
    if masked:
        notes.messages_dropped.add("masked", where, masked)
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


READER = json_speaker_reader(
    JsonFormat(fits, lists=("data", "info", "sessionInfo")), dialogues, options=("drop_masked",)
)
