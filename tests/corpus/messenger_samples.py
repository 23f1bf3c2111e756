"""Exports of messengers, written in the grammar of each program: the same talk in all of them.

하늘 and 바다 talk in the morning and, more than an hour later, in the evening.
"""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

# Hour and minute of the 9th of February 2026 in Seoul, speaker, text.
TALK = [
    (9, 5, "하늘", "안녕: 잘 잤어?"),
    (9, 6, "바다", "응, 잘 잤어\n너는?"),
    (9, 7, "하늘", "나도 😄"),
    (18, 35, "하늘", "저녁 먹었어?"),
    (18, 36, "바다", "아직"),
]
DIALOGUES = [["안녕: 잘 잤어?", "응, 잘 잤어\n너는?"], ["저녁 먹었어?", "아직"]]
SEOUL = timezone(timedelta(hours=9))
IDS = {"하늘": "1", "바다": "2", "산": "3"}


def moment(hour: int, minute: int, day: int = 9) -> datetime:
    return datetime(2026, 2, day, hour, minute, 7, tzinfo=SEOUL)


def unix(hour: int, minute: int, day: int = 9) -> int:
    return int(moment(hour, minute, day).timestamp())


def as_json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


# Telegram


def telegram_message(hour: int, minute: int, name: str | None, text: Any, day: int = 9, **more: Any) -> dict[str, Any]:
    return {
        "id": hour * 60 + minute,
        "type": "message",
        "date": moment(hour, minute, day).replace(tzinfo=None).isoformat(),
        "date_unixtime": str(unix(hour, minute, day)),
        "from": name,
        "from_id": f"user{IDS.get(name or '', '9')}",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}] if isinstance(text, str) else text,
        **more,
    }


def telegram_chat(
    messages: list[dict[str, Any]], name: str | None = "바다", number: int = 2, **more: Any
) -> dict[str, Any]:
    return {"name": name, "type": "personal_chat", "id": number, "messages": messages, **more}


def telegram_account(*chats: dict[str, Any], left: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 1, "first_name": "하늘", "last_name": "", "phone_number": "", "bio": ""},
        "contacts": {"about": "…", "list": [{"user_id": 2, "first_name": "바다", "date": "2025-01-01T00:00:00"}]},
        "chats": {"about": "This page lists all chats.", "list": list(chats)},
        "left_chats": {"about": "…", "list": list(left)},
    }


TELEGRAM = telegram_chat([telegram_message(*said) for said in TALK])

# DiscordChatExporter


def discord_message(hour: int, minute: int, name: str, text: str, day: int = 9, **more: Any) -> dict[str, Any]:
    return {
        "id": str(hour * 60 + minute),
        "type": "Default",
        "timestamp": moment(hour, minute, day).isoformat(timespec="milliseconds"),
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": text,
        "author": {
            "id": IDS.get(name, "9"),
            "name": f"{name}_id",
            "discriminator": "0000",
            "nickname": name,
            "color": None,
            "isBot": False,
            "roles": [{"id": "5", "name": "관리자", "color": None, "position": 1}],
            "avatarUrl": "https://cdn.discordapp.com/embed/avatars/0.png",
        },
        "attachments": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
        **more,
    }


def discord_channel(messages: list[dict[str, Any]], number: int = 7, kind: str = "DirectTextChat") -> dict[str, Any]:
    return {
        "guild": {"id": "0", "name": "Direct Messages", "iconUrl": "https://cdn.discordapp.com/embed/avatars/0.png"},
        "channel": {
            "id": str(number),
            "type": kind,
            "categoryId": None,
            "category": None,
            "name": "바다",
            "topic": None,
        },
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2026-02-11T18:35:07.1234567+09:00",
        "messages": messages,
        "messageCount": len(messages),
    }


DISCORD = discord_channel([discord_message(*said) for said in TALK])


def discord_table(*rows: tuple[str, str, str, str, str]) -> str:
    """Rows of author id, author, date, content and attachments, all quoted, as the program writes them."""
    cells = [[cell.replace('"', '""') for cell in (*row, "")] for row in rows]
    return "AuthorID,Author,Date,Content,Attachments,Reactions\r\n" + "".join(
        ",".join(f'"{cell}"' for cell in row) + "\r\n" for row in cells
    )


DISCORD_CSV = discord_table(
    *((IDS[name], name, moment(hour, minute).isoformat(), text, "") for hour, minute, name, text in TALK)
)

# Slack: a list of messages for each day


def slack_message(hour: int, minute: int, name: str, text: str, day: int = 9, **more: Any) -> dict[str, Any]:
    return {
        "client_msg_id": f"{hour}-{minute}",
        "type": "message",
        "user": f"U0{IDS.get(name, '9')}",
        "text": text,
        "ts": f"{unix(hour, minute, day)}.000100",
        "team": "T01",
        "user_profile": {"real_name": f"{name} 씨", "display_name": name, "name": f"{name}_id"},
        **more,
    }


SLACK = [slack_message(*said) for said in TALK]

# Facebook Messenger and Instagram: newest first, each byte of UTF-8 as a character; and encrypted chats


def as_latin(text: str) -> str:
    return text.encode().decode("latin-1")


def facebook_message(hour: int, minute: int, name: str, text: str | None, day: int = 9, **more: Any) -> dict[str, Any]:
    content = {} if text is None else {"content": as_latin(text)}
    return {
        "sender_name": as_latin(name),
        "timestamp_ms": unix(hour, minute, day) * 1000,
        **content,
        "is_geoblocked_for_viewer": False,
        **more,
    }


def facebook_file(messages: list[dict[str, Any]], path: str = "inbox/bada_123") -> str:
    """The file, which has ASCII alone."""
    data = {
        "participants": [{"name": as_latin("바다")}, {"name": as_latin("하늘")}],
        "messages": messages[::-1],
        "title": as_latin("바다"),
        "is_still_participant": True,
        "thread_path": path,
        "magic_words": [],
    }
    return json.dumps(data, indent=2)


FACEBOOK = facebook_file([facebook_message(*said) for said in TALK])


def encrypted_message(hour: int, minute: int, name: str, text: str, **more: Any) -> dict[str, Any]:
    stamp = unix(hour, minute) * 1000
    said = {"isUnsent": False, "media": [], "reactions": [], "senderName": name, "text": text, "timestamp": stamp}
    return said | {"type": "text"} | more


def encrypted_chat(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"participants": ["하늘", "바다"], "threadName": "바다_7", "messages": messages}


ENCRYPTED = encrypted_chat([encrypted_message(*said) for said in TALK])

# LINE


def quoted(text: str) -> str:
    return f'"{text}"' if "\n" in text else text


def half(hour: int, names: tuple[str, str]) -> str:
    return names[hour >= 12]


def line_phone(header: str, day: str, clock: Any) -> str:
    """An export of a phone; `clock` writes hour and minute."""
    lines = [*header.split("\n"), "", day]
    lines += [f"{clock(hour, minute)}\t{name}\t{quoted(text)}" for hour, minute, name, text in TALK]
    return "\n".join(lines) + "\n"


def twelve(hour: int) -> int:
    return (hour - 1) % 12 + 1


LINE = {
    "japanese": line_phone(
        "[LINE] 바다とのトーク履歴\n保存日時：2026/02/11 18:35", "2026/02/09(月)", lambda h, m: f"{h:02}:{m:02}"
    ),
    "japanese-12h": line_phone(
        "[LINE] 바다とのトーク履歴\n保存日時：2026/02/11 18:35",
        "2026/02/09(月)",
        lambda h, m: f"{half(h, ('午前', '午後'))}{twelve(h)}:{m:02}",
    ),
    "english": line_phone(
        "[LINE] Chat history with 바다\nSaved on: 02/11/2026, 18:35",
        "Mon, 02/09/2026",
        lambda h, m: f"{twelve(h):02}:{m:02}{half(h, ('AM', 'PM'))}",
    ),
    "korean": line_phone(
        "[LINE] 바다님과의 대화\n저장한 날짜: 2026/02/11 18:35",
        "2026.02.09 월요일",
        lambda h, m: f"{half(h, ('오전', '오후'))} {twelve(h):02}:{m:02}",
    ),
    "chinese": line_phone(
        "[LINE] 與바다的聊天記錄\n儲存日期：2026/02/11 18:35",
        "2026/02/09（週一）",
        lambda h, m: f"{half(h, ('上午', '下午'))}{twelve(h):02}:{m:02}",
    ),
    "computer": "\n".join(
        [
            "[LINE] 바다とのトーク履歴",
            "保存日時：2026/02/11 18:35",
            "",
            "2026.02.09 月曜日",
            *(f"{hour:02}:{minute:02} {name} {text}" for hour, minute, name, text in TALK),
        ]
    )
    + "\n",
}

# imessage-exporter


def imessage(*said: tuple[int, int, str, str]) -> str:
    """Blocks of a time, a sender and lines; 하늘 is the owner of the phone."""
    return "".join(
        f"Feb 09, 2026  {twelve(hour)}:{minute:02}:07 {half(hour, ('AM', 'PM'))}\n{name}\n{text}\n\n"
        for hour, minute, name, text in said
    )


IMESSAGE = imessage(*TALK)

FILES = {
    "imessage.txt": IMESSAGE,
    "telegram.json": as_json(TELEGRAM),
    "telegram-account.json": as_json(telegram_account(TELEGRAM)),
    "discord.json": as_json(DISCORD),
    "discord.csv": DISCORD_CSV,
    "slack.json": as_json(SLACK),
    "facebook.json": FACEBOOK,
    "facebook-encrypted.json": as_json(ENCRYPTED),
    **{f"line-{name}.txt": text for name, text in LINE.items()},
}


def utc(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(tzinfo=None)
