"""Channels of Discord, as DiscordChatExporter writes them."""

from datetime import timedelta, timezone
from typing import Any

import pytest

from tests.corpus.messenger_samples import (
    DISCORD_CSV,
    as_json,
    discord_channel,
    discord_message,
    discord_table,
    moment,
)
from tinychat.errors import InputError

BOTH = [discord_message(9, 5, "하늘", "안녕"), discord_message(9, 6, "바다", "응")]


def lay(project: Any, *messages: dict[str, Any], **channel: Any) -> None:
    project.lay("chat.json", as_json(discord_channel(list(messages), **channel)))


def fault(project: Any, **changed: Any) -> str:
    with pytest.raises(InputError) as raised:
        project.ingest(**changed)
    return str(raised.value)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"attachments": [{"id": "1", "url": "https://cdn/1.png", "fileName": "1.png", "fileSizeBytes": 1}]}, "photo"),
        ({"attachments": [{"id": "1", "url": "https://cdn/1.pdf", "fileName": "1.pdf", "fileSizeBytes": 1}]}, "file"),
        ({"stickers": [{"id": "1", "name": "안녕", "format": "Png", "sourceUrl": ""}]}, "emoticon"),
        ({"embeds": [{"title": "제목", "url": None}]}, "service"),
        ({"content": "<:blob:123> :wave_custom:"}, "emoticon"),
        ({"forwardedMessage": {"content": "산의 말"}, "reference": {"type": "Forward"}}, "forwarded"),
        ({"type": "ChannelPinnedMessage", "content": "Pinned a message."}, "pinned"),
        ({"type": "GuildMemberJoin", "content": "Joined the server."}, "joined"),
        ({"type": "20", "content": "/방"}, "system_message"),
    ],
)
def test_what_a_person_did_not_type_is_left_out_and_counted_by_kind(
    project: Any, more: dict[str, Any], kind: str
) -> None:
    lay(project, BOTH[0], discord_message(9, 5, "바다", "", **more), BOTH[1])
    assert project.ingest()["messages_dropped"] == {kind: 1}
    assert project.texts() == [["안녕", "응"]]


def test_bots_are_left_out_and_counted_and_replies_are_kept(project: Any) -> None:
    bot = discord_message(9, 5, "도우미", "삐")
    bot["author"] |= {"id": "8", "isBot": True}
    reply = discord_message(9, 6, "바다", "응", type="Reply", reference={"messageId": "545", "channelId": "7"})
    lay(project, BOTH[0], bot, reply)
    assert project.ingest()["messages_dropped"] == {"bot": 1}
    assert project.texts() == [["안녕", "응"]]


def test_mentions_and_emojis_have_no_numbers_and_no_names(project: Any) -> None:
    mentioned = [{"id": "3", "name": "산_id", "nickname": "산"}]
    first = discord_message(9, 5, "하늘", "<@3>, <@!3> <#12> 봐 <a:party:34>", mentions=mentioned)
    second = discord_message(9, 6, "바다", "@산 왔어?\n```py\nprint(1)\n```", mentions=mentioned)
    lay(project, first, second)
    project.ingest()
    assert project.texts() == [["@<name>, @<name> #<name> 봐 :party:", "@<name> 왔어?\n```py\nprint(1)\n```"]]


def test_marks_of_times_and_commands_become_what_a_person_reads(project: Any) -> None:
    first = discord_message(9, 5, "하늘", "</play song:12> <t:1770629700:R>에?")
    second = discord_message(9, 6, "바다", "<t:999999999999> **굵게** </a\n:1>")
    lay(project, first, second)
    project.ingest()
    assert project.texts() == [["/play song 2026-02-09 09:35에?", "<t:999999999999> **굵게** </a\n:1>"]]


def test_times_of_any_zone_are_one_clock(project: Any) -> None:
    utc = moment(9, 6).astimezone(timezone(timedelta(hours=-5))).isoformat()
    lay(project, BOTH[0], discord_message(9, 6, "바다", "응", timestamp=utc))
    project.ingest()
    assert project.texts() == [["안녕", "응"]]


def test_a_channel_of_many_asks_for_the_bot(project: Any) -> None:
    lay(project, *BOTH, discord_message(9, 7, "산", "나도"), kind="GuildTextChat")
    assert "the speakers are: 하늘 (1), 바다 (1), 산 (1)" in fault(project)


def test_a_message_that_is_none_is_named_by_its_place(project: Any) -> None:
    lay(project, *BOTH, {"id": "1"})
    assert "chat.json:messages[2]: expected a message: an object with author" in fault(project)
    lay(project, *BOTH, discord_message(9, 7, "하늘", "뭐", timestamp="어제"))
    assert "chat.json:messages[2]: no date and time: '어제'; expected 2026-02-09T18:35:07+09:00" in fault(project)


@pytest.mark.parametrize(
    "dates",
    [
        ("09-Feb-26 09:05 AM", "09-Feb-26 09:06 AM", "09-Feb-26 01:06 PM"),
        ("2/9/2026 9:05 AM", "2/9/2026 9:06 AM", "2/9/2026 1:06 PM"),
        ("2026-02-09 오전 9:05", "2026-02-09 오전 9:06", "2026-02-09 오후 1:06"),
        ("09.02.2026 09:05", "09.02.2026 09:06", "09.02.2026 13:06"),
        ("2026-02-09T09:05:07.1234567+09:00", "2026-02-09T00:06:07.0000000+00:00", "2026-02-09T13:06:07.0000000+09:00"),
    ],
)
def test_a_table_has_dates_of_many_languages(project: Any, dates: tuple[str, ...]) -> None:
    said = (("1", "하늘", "안녕"), ("2", "바다", "응"), ("2", "바다", "자?"))
    rows = [(number, name, date, text, "") for (number, name, text), date in zip(said, dates, strict=True)]
    project.lay("chat.csv", discord_table(*rows))
    project.ingest(sources=[{"file": "chat.csv", "assistant": "바다"}])
    assert project.texts() == [["안녕", "응"]]


def test_where_a_table_does_not_tell_the_order_of_its_dates_it_is_asked_for(project: Any) -> None:
    rows = [("1", "하늘", f"{day}/9/2026 9:05 AM", "안녕", "") for day in (2, 3)]
    project.lay("chat.csv", discord_table(*rows, ("2", "바다", "3/9/2026 9:06 AM", "응", "")))
    assert "chat.csv: the dates may have the day or the month first" in fault(project)
    project.ingest(sources=[{"file": "chat.csv", "date_order": "mdy"}])
    assert project.texts() == [["안녕", "응"]]


def test_a_table_has_notices_attachments_and_faulty_rows(project: Any) -> None:
    at = moment(9, 6).isoformat()
    more = discord_table(
        ("2", "바다", at, "Pinned a message.", ""),
        ("2", "바다", at, "", "https://cdn.discordapp.com/1/photo.jpg?ex=1"),
        ("2", "바다", "어제", "뭐", ""),
    ).partition("\r\n")[2]
    project.lay("chat.csv", DISCORD_CSV + more + '"1","하늘"\r\n')
    metrics = project.ingest(on_error="skip")
    assert metrics["rows_dropped"] == {"no_time": 1, "too_few_cells": 1}
    assert metrics["messages_dropped"] == {"pinned": 1, "photo": 1, "trailing_user": 1}
    assert "chat.csv:10: no date and time: '어제'; expected 2026-02-09 18:35" in fault(project)


def test_its_plain_text_is_refused_with_what_to_do(project: Any) -> None:
    line = "=" * 62
    project.lay("chat.txt", f"{line}\nGuild: 방\nChannel: 잡담\n{line}\n\n[09-Feb-26 09:05 AM] 하늘\n안녕\n\n")
    assert "a Discord chat as text, which tinychat does not read yet. If it is the export of a messenger" in fault(
        project
    )
