"""WhatsApp exports as text: of Android and iOS, in any language whose dates are digits."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.messenger import ChatMessage, MessengerReader, remark_counts
from tinychat.corpus.stamps import DIGITS, SPACE, STEP_BACK, from_digits, order_in
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError
from tinychat.params.sections import CorpusParams, SourceParams

MARKS = "\u200e\u200f\u202a\u202c\u2068\u2069"  # of the direction of writing
APP_MARK = "\u200e"  # iOS writes it before what the app says and no person
RECORD = re.compile(rf"(?P<open>\[)?{DIGITS}(?P<close>\]|{SPACE}-|:){SPACE}(?P<rest>.*)", re.DOTALL)
CHAT_FILE = re.compile(r"WhatsApp Chat (?:with|-) (?P<name>.+?)(?: ?\(\d+\))?")
MIN_RECORDS = 3
MAX_PASTED = 0.1  # of the records
MAX_NOTICE = 500  # characters of what nobody typed
# On Android in place of a name: 하늘 changed the subject from "a: b"
NOTICE = re.compile(r".+ (?:created|changed|added|removed|pinned|turned|left|joined)\b.*")
PLACEHOLDERS = {
    "media": r"<Media omitted>|<미디어 파일을 제외한 내용>|<attached: [^>]+>"
    r"|.+\.\w{2,5} \((?:file attached|파일 첨부됨)\)"
    r"|(?:image|video|audio|sticker|GIF|document|Contact card) omitted",
    "deleted": r"This message was deleted\.?|You deleted this message\.?|삭제된 메시지입니다\.?",
    "call": r"(?:Missed )?(?:[Vv]oice|[Vv]ideo) call(?:,.*| at .*|\.)?|null",
}
PLACEHOLDER = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PLACEHOLDERS.items()))
EDITED = re.compile(r" ?<(?:This message was edited|수정된 메시지입니다)>$")


def score(head: list[str], _: CorpusParams) -> float:
    """1 where the first line is a record, and two more are; else 0."""
    lines = [line.rstrip("\r\n") for line in head]
    shape = file_shape(lines)
    records = [line for line in lines if (found := record(line)) and shape_of(found) == shape]
    if len(records) < MIN_RECORDS or records[0] != lines[0]:
        return 0.0
    return 1.0 if any(": " in found["rest"] for line in records if (found := record(line))) else 0.0


def room(text: TextFile) -> str | None:
    """The name of the chat, from that of the file; the iPhone puts the file into an archive of that name."""
    stem = text.path.parent.stem if text.path.stem == "_chat" else text.path.stem
    found = CHAT_FILE.fullmatch(stem)
    return found and found["name"]


def record(line: str) -> re.Match[str] | None:
    """The line as a record."""
    found = RECORD.fullmatch(line.lstrip(MARKS))
    return found if found and (found["open"] is None) == (found["close"] != "]") else None


Shape = tuple[str, bool, bool]


def shape_of(found: re.Match[str]) -> Shape:
    """How a record is written: what is behind the time, whether the year is first, whether there are seconds."""
    return found["close"].strip(), len(found["a"]) == 4, found["s"] is not None


def file_shape(lines: Iterable[str]) -> Shape | None:
    """How most records of these lines are written."""
    shapes = Counter(shape_of(found) for line in lines if (found := record(line)))
    return shapes.most_common(1)[0][0] if shapes else None


def messages(text: TextFile, source: SourceParams, _: Tally, remarks: list[str]) -> Iterator[ChatMessage | Faulty]:
    """All messages; a line that is no record of the file's shape goes on with the message above it.

    A record whose time is more than a day before the one above it was pasted. Raises InputError where the file does not
    tell whether dates have the day or the month first, and where times run backwards again and again.
    """
    shape = file_shape(line.rstrip("\r\n") for line in text.head())
    order = source.date_order or order_of(text, shape)
    begun: ChatMessage | None = None
    lines: list[str] = []
    records = pasted = impossible = 0
    for number, raw in enumerate(text.lines(), 1):
        line = raw.rstrip("\r\n")
        found = record(line)
        moment = from_digits(found, order) if found is not None and shape_of(found) == shape else None
        impossible += found is not None and shape_of(found) == shape and moment is None
        if found is None or moment is None or (begun is not None and begun.time - moment > STEP_BACK):
            pasted += moment is not None
            lines.append(line)
            continue
        records += 1
        if begun is not None:
            yield finished(begun, lines)
            moment = max(moment, begun.time)
        name, colon, said = found["rest"].partition(": ")
        is_notice = not colon or NOTICE.fullmatch(name[:MAX_NOTICE]) or is_said_by_app(said)
        begun, lines = ChatMessage(number, moment, "" if is_notice else speaker(name), ""), [said if colon else name]
    if begun is not None:
        yield finished(begun, lines)
    if pasted > MIN_RECORDS and pasted > MAX_PASTED * records:
        raise InputError(
            "{path}: the times of {pasted} records are more than a day before the record above them; of {records} they "
            "are not. Is it put together of several exports, or has it another date_order?",
            path=text.path,
            pasted=pasted,
            records=records,
        )
    remark_counts(remarks, pasted, impossible)


def speaker(name: str) -> str:
    """A speaker's name, without what stands before one that is not in the phone's contacts."""
    return name.strip(MARKS).removeprefix("~").strip(f"{MARKS} \u00a0\u202f")


def is_said_by_app(said: str) -> bool:
    """Whether the text has the mark of what no person typed, and does not only stand for a picture and the like."""
    return said.startswith(APP_MARK) and PLACEHOLDER.fullmatch(said.replace(APP_MARK, "")[:MAX_NOTICE]) is None


def finished(begun: ChatMessage, lines: list[str]) -> ChatMessage:
    """The message with its text, without a line that only stands for a picture and the like."""
    first, mark, last = lines[0].rpartition(APP_MARK)
    typed = first if mark else last
    found = PLACEHOLDER.fullmatch((last if mark else typed).strip(f"{MARKS} ")[:MAX_NOTICE])
    if found:
        lines = [first if mark else "", *lines[1:]]
    text = EDITED.sub("", "\n".join(lines).strip(f"{MARKS} \n"))
    if not text and found:
        return replace(begun, kind=found.lastgroup or "")
    return replace(begun, text=text)


def order_of(text: TextFile, shape: Shape | None) -> str:
    """Whether dates have the day or the month first, dmy or mdy. Raises InputError where the file does not tell."""
    found = (record(line.rstrip("\r\n")) for line in text.lines())
    return order_in(text, (one for one in found if one is not None and shape_of(one) == shape))


READER = MessengerReader(score, messages, room=room)
