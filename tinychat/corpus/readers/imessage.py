"""iMessage as imessage-exporter writes it as text: of each message the time, the sender, the lines, and a blank one."""

import re
from collections.abc import Iterator
from datetime import datetime

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.messenger import ChatMessage, MessengerReader, file_kind
from tinychat.corpus.stamps import clock, day_of, month_of
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.params.sections import CorpusParams, SourceParams

OWNER = "Me"
STAMP = re.compile(
    r"(?P<mon>[A-Z][a-z]{2}) (?P<d>\d{1,2}), (?P<y>\d{4}) {1,2}(?P<h>\d{1,2}):(?P<mi>\d{2}):(?P<s>\d{2}) (?P<ap>[AP]M)"
    r"(?: \(Read .+\)| (?P<said>[^( ].*))?"
)
# Below a text: what others thought of it, and that it is a reply. Replies are there again, indented.
REACTIONS = ("Tapbacks:", "Reactions:")
REPLY = "This message responded to an earlier message."
INDENT = "    "
ATTACHMENT = re.compile(r"(?:~?/.*/|attachments/).+\.\w{2,5}|Attachment missing!|Sent with [A-Z][\w ]+")
MIN_STAMPS = 2


def score(head: list[str], _: CorpusParams) -> float:
    """1 where the first line is a time alone, and another one is; else 0."""
    stamps = [line for line in head if (found := STAMP.fullmatch(line.rstrip("\r\n"))) and found["said"] is None]
    return float(len(stamps) >= MIN_STAMPS and STAMP.fullmatch(head[0].rstrip("\r\n")) is not None)


def partner(head: list[str]) -> str | None:
    """The first sender who is not the owner of the phone, where the owner is there too."""
    lines = [line.rstrip("\r\n") for line in head]
    senders = [lines[n + 1] for n, line in enumerate(lines[:-1]) if STAMP.fullmatch(line)]
    return next((sender for sender in senders if sender != OWNER), None) if OWNER in senders else None


def messages(text: TextFile, _: SourceParams, dropped: Tally, remarks: list[str]) -> Iterator[ChatMessage | Faulty]:
    """All messages; a time that does not stand below a blank line is text."""
    begun: tuple[int, datetime] | None = None
    lines: list[str] = []
    before = ""
    for number, raw in enumerate(text.lines(), 1):
        line = raw.rstrip("\r\n")
        found = STAMP.fullmatch(line) if not before.strip() else None
        before = line
        moment = _moment(found) if found is not None else None
        if found is None or moment is None:
            lines.append(line)
            continue
        if begun is not None:
            yield _message(*begun, lines)
        begun, lines = (number, moment), []
        if found["said"]:  # such as: Me renamed the conversation
            yield ChatMessage(number, moment, "", "")
            begun = None
    if begun is not None:
        yield _message(*begun, lines)


def _message(number: int, moment: datetime, lines: list[str]) -> ChatMessage:
    """The message below a time: its sender, and what was typed."""
    sender, *said = lines or [""]
    kept: list[str] = []
    for line in said:
        if line in REACTIONS:
            break
        if not line.startswith(INDENT) and line != REPLY:
            kept.append(line)
    typed = [line for line in kept if not ATTACHMENT.fullmatch(line)]
    files = [line for line in kept if ATTACHMENT.fullmatch(line)]
    content = "\n".join(typed).strip("\n ")
    return ChatMessage(number, moment, sender, content, "" if content else file_kind(files[0]) if files else "")


def _moment(found: re.Match[str]) -> datetime | None:
    day = day_of(int(found["y"]), month_of(found["mon"]), int(found["d"]))
    time = clock(found["ap"], int(found["h"]), int(found["mi"]), int(found["s"]))
    return None if day is None or time is None else datetime.combine(day, time)


READER = MessengerReader(score, messages, partner)
