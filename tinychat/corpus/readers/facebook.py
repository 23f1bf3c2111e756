"""Facebook Messenger and Instagram: `message_1.json` and the like, and the export of end-to-end encrypted chats.

The first write each byte of UTF-8 as a character of its own, newest messages first.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.json_documents import json_values, messenger_of, problem_of
from tinychat.corpus.messenger import ChatMessage, MessengerReader, file_kind
from tinychat.corpus.stamps import from_unix
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams, SourceParams

MAX_STAMP = 1e15  # milliseconds; a whole number of hundreds of digits is none that can be divided
MAX_NOTICE = 300  # characters of what nobody typed
# What is there instead of a text, by its key.
INSTEAD = {
    "photos": "photo",
    "videos": "video",
    "audio_files": "voice",
    "gifs": "photo",
    "sticker": "emoticon",
    "files": "file",
    "share": "service",
    "call_duration": "call",
}
_SENT = "attachment|photo|video|link|location|GIF|sticker|voice message|audio|file|post|reel|story|contact"
_CALL = "(?:video |audio |voice )?(?:call|chat)"
# Whole contents that nobody typed: what stands behind the name of the sender, or behind You.
OF_SENDER = {
    "reaction": r"reacted .{1,20} to .+",
    "file": rf"(?:sent|shared) (?:an?|the|\d+) (?:{_SENT})s?\.?"
    r"|(?:첨부 파일|사진|동영상|링크|스티커|음성 메시지|게시물|릴스)[을를]? (?:보냈|공유했)습니다\.?",
    "call": rf"(?:missed|started|joined|ended) (?:an?|the|your) {_CALL}(?: (?:from|with) .+)?\.?|called .+"
    r"|(?:영상 |음성 )?(?:통화|채팅)를? 시작했습니다\.?|(?:영상 |음성 )?전화를 받지 못했습니다\.?",
    "deleted": r"unsent a message\.?",
    "joined": r"joined the group\.?",
    "left": r"left the group\.?",
    "invited": r"added .+ to the group\.?",
    "removed": r"removed .+ from the group\.?",
    "system_message": r"(?:named the group|changed the|set the (?:nickname|quick reaction|emoji)|pinned a message"
    r"|created (?:the|a) (?:group|poll)|turned o(?:n|ff)|are now connected on).*",
}
# And those without a name.
ALONE = {
    "reaction": r"Reacted .{1,20} to .*message ?|Liked an? (?:message|photo|video)|.*메시지에 .{0,20}공감했습니다\.?",
    "call": rf"The {_CALL} (?:has )?ended\.",
    "joined": r"Say hi to your new (?:Facebook friend|connection).*",
    "system_message": r"Messages and calls are secured with end-to-end encryption.*",
}
NOTICE_OF_SENDER, NOTICE = (
    re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items())) for kinds in (OF_SENDER, ALONE)
)
STRING = r'"((?:[^"\\]|\\.)*)"'


def score(head: list[str], _: CorpusParams) -> float:
    """1 for JSON with the keys of an export; else 0."""
    return float(messenger_of(head) == "facebook")


def mended(text: str) -> str:
    """The text whose UTF-8 was read as Latin-1; as it is where it was not."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def partner(head: list[str]) -> str | None:
    """The other one of a chat between two: the name of an encrypted chat, else the first participant."""
    text = "".join(head)
    found = re.search(rf'"threadName"\s*:\s*{STRING}', text)
    found = found or re.search(rf'"participants"\s*:\s*\[\s*(?:\{{\s*"name"\s*:\s*)?{STRING}', text)
    try:
        name = mended(json.loads(f'"{found[1]}"')) if found else None
    except ValueError:
        return None
    return name and re.sub(r"_\d+$", "", name) if found and "threadName" in found[0] else name


def room(text: TextFile) -> str | None:
    """The path or the name of the chat, which its files have in common."""
    found = {path: str(value) for path, _, value in json_values(text, ("thread_path", "threadName")) if value}
    return found.get("thread_path") or found.get("threadName")


def messages(
    text: TextFile, source: SourceParams, dropped: Tally, remarks: list[str]
) -> Iterator[ChatMessage | Faulty]:
    """All messages by time; those of a file are in memory, at most 10,000 of them unless they are encrypted ones."""
    found: list[ChatMessage] = []
    for _, place, value in json_values(text, ("messages[]",)):
        message = _message(place, value)
        if isinstance(message, Phrase):
            yield Faulty(f"{text.path}:{place}", "bad_message", message)
        else:
            found.append(message)
    if found and found[0].time > found[-1].time:
        found.reverse()
    yield from sorted(found, key=lambda message: message.time)


def _message(place: str, value: Any) -> ChatMessage | Phrase:
    """The message, or what is wrong with it."""
    expected = Phrase("expected a message: an object with the name of the sender and a time in milliseconds")
    if problem := problem_of(value, expected):
        return problem
    encrypted = "senderName" in value
    keys = ("senderName", "timestamp", "text") if encrypted else ("sender_name", "timestamp_ms", "content")
    name, stamp, content = map(value.get, keys)
    is_time = isinstance(stamp, int | float) and not isinstance(stamp, bool) and abs(stamp) < MAX_STAMP
    time = from_unix(stamp / 1000) if is_time else None
    if not isinstance(name, str) or time is None:
        return expected
    if content is not None and not isinstance(content, str):
        return Phrase("the content of a message is not a text")
    said = content or ""
    if not encrypted:
        name, said = mended(name), mended(said)
    kind = _kind(value, name, said)
    return ChatMessage(place, time, name or "?", "" if kind else said, kind or _instead(value))


def _kind(value: dict[str, Any], name: str, said: str) -> str:
    """The kind of a message whose content nobody typed; "" for all others."""
    if value.get("is_unsent") or value.get("isUnsent"):
        return "deleted"
    if value.get("type") in ("Subscribe", "Unsubscribe", "placeholder"):
        return "system_message"
    if "call_duration" in value or value.get("type") == "Call":
        return "call"
    if not said or len(said) > MAX_NOTICE:
        return ""
    for sender in (name, name.partition(" ")[0], "You", "User"):
        for end in (" ", "님이 ", "님의 "):
            if said.startswith(sender + end) and (found := NOTICE_OF_SENDER.fullmatch(said, len(sender + end))):
                return found.lastgroup or ""
    found = NOTICE.fullmatch(said)
    return found.lastgroup or "" if found else ""


def _instead(value: dict[str, Any]) -> str:
    """What is there instead of a text."""
    media = value.get("media")
    if isinstance(media, list) and media and isinstance(media[0], dict):
        return file_kind(str(media[0].get("uri", "")))
    return next((kind for key, kind in INSTEAD.items() if value.get(key)), "")


READER = MessengerReader(score, messages, partner, room)
