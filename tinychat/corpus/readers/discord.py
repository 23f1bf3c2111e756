"""Discord channels as DiscordChatExporter writes them: JSON and CSV."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tinychat.corpus.csv_rows import csv_rows, misfit
from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.json_documents import json_values, messenger_of, problem_of
from tinychat.corpus.messenger import ChatMessage, MessengerReader, file_kind
from tinychat.corpus.stamps import DIGITS, clock, day_of, from_digits, from_iso, from_unix, month_of, order_in
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams, SourceParams

WANTED = ("channel.id", "messages[]")
HEADER = ["AuthorID", "Author", "Date", "Content", "Attachments", "Reactions"]
TYPED = ("Default", "Reply")  # types of messages that a person typed
KINDS = {
    "RecipientAdd": "invited",
    "RecipientRemove": "removed",
    "Call": "call",
    "ChannelPinnedMessage": "pinned",
    "GuildMemberJoin": "joined",
}
# The same in CSV, which has no types: the texts that the exporter writes.
NOTICES = {
    "invited": r"Added (?:a recipient|.+ to the group)\.",
    "removed": r"Removed (?:a recipient|.+ from the group)\.",
    "left": r"Left the group\.",
    "call": r"Started a call that lasted -?[\d,]+ minutes?\.",
    "pinned": r"Pinned a message\.",
    "joined": r"Joined the server\.",
    "system_message": r"Changed the channel (?:name(?:: .+)?|icon)\.?|Started a thread\.",
}
NOTICE = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in NOTICES.items()))
MAX_NOTICE = 200  # characters of what nobody typed
MARKED = re.compile(
    r"<(?:(?P<user>@[!&]?)\d+|(?P<channel>#)\d+|a?:(?P<emoji>\w+):\d+|/(?P<command>[^<>:\n]{1,100}):\d+"
    r"|t:(?P<time>-?\d{1,12})(?::[A-Za-z])?)>"
)
EMOJI_ONLY = re.compile(r"(?:\s*:\w+:)+\s*")
STAMP = re.compile(DIGITS)
NAMED_MONTH = re.compile(
    r"(?P<d>\d{1,2})-(?P<mon>[A-Z][a-z]{2})-(?P<y>\d{2}) (?P<h>\d{1,2}):(?P<mi>\d{2}) (?P<ap>[AP]M)"
)


def score(head: list[str], _: CorpusParams) -> float:
    """1 for JSON with the keys of an export, or a table with its header; else 0."""
    return float(messenger_of(head) == "discord" or is_header(head[0]))


def is_header(line: str) -> bool:
    """Whether the line is the header of the CSV."""
    return line.replace('"', "").strip().split(",") == HEADER


def partner(head: list[str]) -> str | None:
    """The name of a channel of direct messages: that of the other one."""
    before = "".join(head).partition('"messages"')[0]
    found = re.search(r'"type"\s*:\s*"DirectTextChat".*?"name"\s*:\s*"((?:[^"\\]|\\[^u])*)"', before, re.DOTALL)
    return found and found[1]


def room(text: TextFile) -> str | None:
    """The channel's number; a table does not tell it."""
    if is_header(text.head()[0]):
        return None
    found = re.search(r'"channel"\s*:\s*\{\s*"id"\s*:\s*"(\d+)"', "".join(text.head()))
    return found and found[1]


def messages(
    text: TextFile, source: SourceParams, dropped: Tally, remarks: list[str]
) -> Iterator[ChatMessage | Faulty]:
    """All messages of the channel."""
    if is_header(text.head()[0]):
        yield from _rows(text, source)
        return
    for path, place, value in json_values(text, WANTED):
        if path != "messages[]":
            continue
        message = _message(place, value)
        if isinstance(message, Phrase):
            yield Faulty(f"{text.path}:{place}", "bad_message", message)
        else:
            yield message


def _message(place: str, value: Any) -> ChatMessage | Phrase:
    """The message, or what is wrong with it."""
    expected = Phrase("expected a message: an object with author, timestamp and content")
    if problem := problem_of(value, expected):
        return problem
    author = value.get("author")
    if not isinstance(author, dict) or not isinstance(value.get("content"), str):
        return expected
    time = from_iso(str(value.get("timestamp", "")))
    if time is None:
        return Phrase(
            "no date and time: {found!r}; expected {example}",
            found=str(value.get("timestamp"))[:30],
            example="2026-02-09T18:35:07+09:00",
        )
    kind = str(value.get("type"))
    if kind not in TYPED:
        return ChatMessage(place, time, "", "", KINDS.get(kind, ""))
    said = value["content"]
    for mentioned in value.get("mentions") or ():
        for name in (mentioned.get("nickname"), mentioned.get("name")) if isinstance(mentioned, dict) else ():
            said = said.replace(f"@{name}", "@<name>") if name else said
    said, instead = _typed(said)
    name = author.get("nickname") or author.get("name") or author.get("id") or "?"
    return ChatMessage(
        place,
        time,
        str(name),
        said,
        instead or _instead(value),
        str(author.get("id") or ""),
        is_bot=author.get("isBot") is True,
    )


def _typed(said: str) -> tuple[str, str]:
    """The text without Discord's marks; a kind, and no text, where it was emojis of the server alone."""
    said = MARKED.sub(_unmarked, said)
    return ("", "emoticon") if EMOJI_ONLY.fullmatch(said) else (said, "")


def _unmarked(found: re.Match[str]) -> str:
    """What <@1>, <#2>, <:party:3>, </ask:4> and <t:1770629700:F> stand for; times are in UTC."""
    if found["time"]:
        time = from_unix(int(found["time"]))
        return f"{time:%Y-%m-%d %H:%M}" if time is not None else found[0]
    if found["emoji"] or found["command"]:
        return f":{found['emoji']}:" if found["emoji"] else f"/{found['command']}"
    return "@<name>" if found["user"] else "#<name>"


def _instead(value: dict[str, Any]) -> str:
    """What is there instead of a text."""
    if value.get("forwardedMessage"):
        return "forwarded"
    if value.get("stickers"):
        return "emoticon"
    first = next(iter(value.get("attachments") or ()), None)
    if isinstance(first, dict):
        return file_kind(str(first.get("fileName", "")))
    return "service" if value.get("embeds") else ""


def _rows(text: TextFile, source: SourceParams) -> Iterator[ChatMessage | Faulty]:
    """The rows of the table, whose dates have the order of the language of the one who exported it."""
    order = source.date_order or _order(text)
    for line, row in csv_rows(text):
        where = f"{text.path}:{line}"
        if row == HEADER:
            continue
        if len(row) != len(HEADER):
            yield misfit(where, row, len(HEADER))
            continue
        author_id, author, date, content, attachments, _ = row
        time = _time(date, order)
        if time is None:
            problem = Phrase(
                "no date and time: {found!r}; expected {example}", found=date[:30], example="2026-02-09 18:35"
            )
            yield Faulty(where, "no_time", problem)
            continue
        notice = NOTICE.fullmatch(content) if len(content) <= MAX_NOTICE and not attachments else None
        if notice is not None:
            yield ChatMessage(line, time, "", "", notice.lastgroup or "")
            continue
        said, instead = _typed(content)
        yield ChatMessage(
            line, time, author, said, instead or (file_kind(attachments) if attachments else ""), author_id
        )


def _order(text: TextFile) -> str:
    """Whether dates have the day or the month first. Raises InputError where the file does not tell."""
    dates = (row[2].strip() for _, row in csv_rows(text) if len(row) > 2)
    return order_in(text, (found for date in dates if (found := STAMP.fullmatch(date))))


def _time(date: str, order: str) -> datetime | None:
    """2026-02-09T18:35:07+09:00, 09-Feb-26 06:35 PM, or digits in the order of a language."""
    if found := NAMED_MONTH.fullmatch(date.strip()):
        day = day_of(2000 + int(found["y"]), month_of(found["mon"]), int(found["d"]))
        time = clock(found["ap"], int(found["h"]), int(found["mi"]))
        return None if day is None or time is None else datetime.combine(day, time)
    if found := STAMP.fullmatch(date.strip()):
        return from_digits(found, order)
    return from_iso(date)


READER = MessengerReader(score, messages, partner, room)
