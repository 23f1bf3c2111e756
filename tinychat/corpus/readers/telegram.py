"""Telegram's export as JSON (`result.json`): of one chat, or of a whole account."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.json_documents import json_values, messenger_of, problem_of
from tinychat.corpus.messenger import ChatMessage, MessengerReader
from tinychat.corpus.stamps import from_iso, from_unix
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import Phrase
from tinychat.params.sections import CorpusParams, SourceParams

CHATS = ("", "chats.list[].", "left_chats.list[].")
CHAT_KEYS = ("name", "type", "id")
WANTED = {f"{chat}{key}" for chat in CHATS for key in (*CHAT_KEYS, "messages[]")}
MEDIA = {
    "sticker": "emoticon",
    "animation": "video",
    "video_file": "video",
    "video_message": "video",
    "voice_message": "voice",
    "audio_file": "file",
}
# What is there instead of a text, by its key.
INSTEAD = {"photo": "photo", "file": "file", "poll": "service", "location_information": "service"}
INSTEAD |= {"contact_information": "service", "game_title": "service", "invoice_information": "service"}
ACTIONS = {
    "phone_call": "call",
    "group_call": "call",
    "join_group_by_link": "joined",
    "join_group_by_request": "joined",
    "invite_members": "invited",
    "remove_members": "removed",
    "pin_message": "pinned",
}
STRING = r'"((?:[^"\\]|\\.)*)"'


def score(head: list[str], _: CorpusParams) -> float:
    """1 for JSON with the keys of an export; else 0."""
    return float(messenger_of(head) == "telegram")


def partner(head: list[str]) -> str | None:
    """The name of the chat, where it is one between two."""
    chat = _beginning(head)
    named = re.search(rf'"name"\s*:\s*{STRING}', chat)
    if named is None or not re.search(r'"type"\s*:\s*"(?:personal|bot)_chat"', chat):
        return None
    try:
        return str(json.loads(f'"{named[1]}"'))
    except ValueError:
        return None


def room(text: TextFile) -> str | None:
    """The chat's number; None for a whole account."""
    found = re.search(r'"id"\s*:\s*(-?\d+)', _beginning(text.head()))
    return found and found[1]


def _beginning(head: list[str]) -> str:
    """What is before the messages of a single chat; nothing for a whole account."""
    before, messages, _ = "".join(head).partition('"messages"')
    return before if messages and '"chats"' not in before and '"left_chats"' not in before else ""


def messages(text: TextFile, _: SourceParams, dropped: Tally, remarks: list[str]) -> Iterator[ChatMessage | Faulty]:
    """All messages, chat after chat. Forwarded ones are not the speaker's words."""
    chat: dict[str, Any] = {}
    chat_place: str | None = None
    for path, place, value in json_values(text, WANTED):
        where = place.rpartition(".messages[" if path.endswith(".messages[]") else ".")[0]
        if where != chat_place:
            chat, chat_place = {}, where
        key = path.rpartition(".")[2]
        if key in CHAT_KEYS:
            chat[key] = value
            continue
        message = _message(place, value, chat, chat_place)
        if isinstance(message, Phrase):
            yield Faulty(f"{text.path}:{place}", "bad_message", message)
        elif message is None:
            yield Faulty(f"{text.path}:{place}", "no_time", Phrase("no date and time: neither date_unixtime nor date"))
        else:
            yield message


def _message(place: str, value: Any, chat: dict[str, Any], room_name: str) -> ChatMessage | Phrase | None:
    """The message; None where it has no time, a phrase where it is no message."""
    if problem := problem_of(value, Phrase("expected a message: an object with from, date and text")):
        return problem
    time = _time(value)
    if time is None:
        return None
    if value.get("type") != "message":
        kind = ACTIONS.get(str(value.get("action")), "")
        return ChatMessage(place, time, "", "", kind, room=room_name)
    said = _text(value.get("text", ""))
    if said is None:
        return Phrase("text is neither a string nor a list of strings and objects with a text")
    speaker_id = str(value.get("from_id") or "")
    kind = ""
    if "forwarded_from" in value:
        said, kind = "", "forwarded"
    elif not said.strip():
        media = MEDIA.get(str(value.get("media_type")))
        kind = media or next((kind for key, kind in INSTEAD.items() if value.get(key)), "")
    return ChatMessage(
        place,
        time,
        str(value.get("from") or speaker_id or "?"),
        said,
        kind,
        speaker_id,
        room_name,
        is_bot=chat.get("type") == "bot_chat" and speaker_id == f"user{chat.get('id')}",
    )


def _time(message: dict[str, Any]) -> datetime | None:
    """In UTC where the export has that; the date without it is that of the person's clock."""
    unix = str(message.get("date_unixtime", ""))
    return from_unix(int(unix)) if re.fullmatch(r"\d{1,12}", unix) else from_iso(str(message.get("date", "")))


def _text(text: Any) -> str | None:
    """A text, or the texts of its parts joined; None for anything else."""
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        return None
    parts: list[Any] = [part.get("text") if isinstance(part, dict) else part for part in text]
    return "".join(parts) if all(isinstance(part, str) for part in parts) else None


READER = MessengerReader(score, messages, partner, room)
