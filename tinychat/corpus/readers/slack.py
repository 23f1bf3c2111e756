"""Slack's export: a folder for each channel, in it a JSON list of messages for each day; and the list of people."""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.json_documents import json_values, messenger_of, problem_of
from tinychat.corpus.known_formats import has_key
from tinychat.corpus.messenger import ChatMessage, MessengerReader, file_kind
from tinychat.corpus.stamps import from_unix
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams, SourceParams

PEOPLE_KEYS = ("id", "profile", "real_name|display_name")
TYPED = (None, "thread_broadcast", "me_message")  # subtypes of messages that a person typed
KINDS = {
    "channel_join": "joined",
    "group_join": "joined",
    "channel_leave": "left",
    "group_leave": "left",
    "pinned_item": "pinned",
    "tombstone": "deleted",
    "file_share": "file",
    "huddle_thread": "call",
}
STAMP = re.compile(r"\d{1,12}\.\d{1,9}")
MARKED = re.compile(r"<([^<>\n]+)>")
SHORT_CODE = re.compile(r":([a-z0-9_+'-]+)(?:::skin-tone-([2-6]))?:")
CODES_ONLY = re.compile(rf"(?:\s*{SHORT_CODE.pattern})+\s*")
ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
# Names of Slack's own.
ALIASES = {"simple_smile": "slightly_smiling_face", "uk": "gb"}
FLAGS = ("kr", "us", "jp", "cn", "de", "fr", "es", "it", "ru", "gb")
SLACKBOT = "USLACKBOT"


def score(head: list[str], _: CorpusParams) -> float:
    """1 for a JSON list with the keys of messages, or of people; else 0."""
    return float(messenger_of(head) == "slack" or lists_people(head))


def lists_people(head: list[str]) -> bool:
    """Whether it is the list of people, `users.json`, as the export has it beside the channels."""
    text = "".join(head).lstrip()
    return text.startswith("[") and all(map(partial(has_key, text), PEOPLE_KEYS)) and not has_key(text, "ts")


def room(text: TextFile) -> str | None:
    """The folder of the channel."""
    return str(text.path.parent)


def messages(
    text: TextFile, source: SourceParams, dropped: Tally, remarks: list[str]
) -> Iterator[ChatMessage | Faulty]:
    """The messages of the day by time."""
    if lists_people(text.head()):
        return
    found: list[tuple[Decimal, ChatMessage]] = []
    for _, place, value in json_values(text, ("[]",)):
        message = _message(place, value)
        if isinstance(message, Phrase):
            yield Faulty(f"{text.path}:{place}", "bad_message", message)
        else:
            found.append((Decimal(value["ts"]), message))
    yield from (message for _, message in sorted(found, key=lambda item: item[0]))


def people(text: TextFile) -> dict[str, list[str]]:
    """The names in the list of people by their numbers: as it is shown, and in full."""
    found: dict[str, list[str]] = {}
    for _, _, value in json_values(text, ("[]",)) if lists_people(text.head()) else ():
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            profile = value.get("profile")
            names = _names(profile) if isinstance(profile, dict) else []
            found[value["id"]] = names or _names(value)
    return found


def _names(profile: dict[str, Any]) -> list[str]:
    names = [profile.get(key) for key in ("display_name", "real_name", "name")]
    return [name for name in names if isinstance(name, str) and name.strip()]


def _message(place: str, value: Any) -> ChatMessage | Phrase:
    """The message, or what is wrong with it."""
    expected = Phrase("expected a message: an object with user, text and ts")
    if problem := problem_of(value, expected):
        return problem
    if not isinstance(value.get("text", ""), str):
        return expected
    stamp = value.get("ts")
    time = from_unix(float(stamp)) if isinstance(stamp, str) and STAMP.fullmatch(stamp) else None
    if time is None:
        return Phrase(
            "no date and time: {found!r}; expected {example}", found=str(stamp)[:30], example="1770629707.000100"
        )
    subtype, thread = value.get("subtype"), str(value.get("thread_ts") or "")
    speaker_id = str(value.get("bot_id") or value.get("user") or "")
    is_bot = bool(value.get("bot_id")) or subtype == "bot_message" or speaker_id == SLACKBOT
    if value.get("type") != "message" or (subtype not in TYPED and not is_bot) or not speaker_id:
        return ChatMessage(place, time, "", "", KINDS.get(str(subtype), ""), thread=thread)
    said = value.get("text", "")
    kind = ""
    if CODES_ONLY.fullmatch(plain := text_of(said)):
        kind = "emoticon"
    elif not plain.strip():
        kind = _instead(value)
    return ChatMessage(
        place, time, _name(value) or speaker_id, "" if kind else plain, kind, speaker_id, "", thread, is_bot
    )


def _name(value: dict[str, Any]) -> str:
    """The name of the one who wrote it, where the message has it."""
    profile = value.get("user_profile") or value.get("bot_profile") or {}
    names = _names(profile) if isinstance(profile, dict) else []
    return next((name for name in (*names, value.get("username")) if isinstance(name, str) and name.strip()), "")


def _instead(value: dict[str, Any]) -> str:
    """What is there instead of a text."""
    first = next(iter(value.get("files") or ()), None)
    if isinstance(first, dict):
        return file_kind(f".{first.get('filetype') or ''}")
    return "service" if value.get("attachments") or value.get("blocks") else ""


def text_of(written: str) -> str:
    """The text as a person reads it: without the marks of links, mentions and emojis."""
    text = SHORT_CODE.sub(_emoji, MARKED.sub(_unmarked, written)) if ":" in written or "<" in written else written
    for entity, character in ENTITIES.items():
        text = text.replace(entity, character)
    return text


def _unmarked(found: re.Match[str]) -> str:
    """What <@U12>, <#C12|general>, <!here> and <https://example.com|a page> stand for."""
    what, _, label = found[1].partition("|")
    if what.startswith("@"):
        return "@<name>"
    if what.startswith("#"):
        return f"#{label or '<name>'}"
    if what.startswith("!"):
        return label or f"@{what[1:].partition('^')[0]}"
    return label or what


def _emoji(found: re.Match[str]) -> str:
    """The emoji of a short code; a code that is the workspace's own stays."""
    from rich.emoji import Emoji  # of the pipeline, not of the core

    name = ALIASES.get(found[1], found[1])
    country = name.removeprefix("flag-")
    if (name in FLAGS or name.startswith("flag-")) and len(country) == 2:
        return "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in country)
    tone = chr(0x1F3FB + int(found[2]) - 2) if found[2] else ""
    for spelling in (name, name.replace("-", "_")):
        emoji = Emoji.replace(f":{spelling}:")
        if emoji != f":{spelling}:":
            return emoji + tone
    return found[0]


READER = MessengerReader(score, messages, room=room, people=people)
