"""Exports of Telegram Desktop as JSON: of one chat and of an account."""

from typing import Any

import pytest

from tests.corpus.messenger_samples import TELEGRAM, as_json, telegram_account, telegram_chat, telegram_message
from tinychat.errors import InputError

BOTH = [telegram_message(9, 5, "하늘", "안녕"), telegram_message(9, 6, "바다", "응")]


def lay(project: Any, *messages: dict[str, Any], **chat: Any) -> None:
    project.lay("result.json", as_json(telegram_chat(list(messages), **chat)))


def fault(project: Any, **changed: Any) -> str:
    with pytest.raises(InputError) as raised:
        project.ingest(**changed)
    return str(raised.value)


def test_a_text_may_be_a_list_of_strings_and_marked_parts(project: Any) -> None:
    parts = ["여기 ", {"type": "link", "text": "example.com"}, " 봐 ", {"type": "bold", "text": "꼭"}]
    lay(project, telegram_message(9, 5, "하늘", parts), BOTH[1])
    project.ingest()
    assert project.texts() == [["여기 example.com 봐 꼭", "응"]]


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"photo": "photos/1.jpg", "width": 1, "height": 1}, "photo"),
        ({"file": "stickers/1.webp", "media_type": "sticker", "sticker_emoji": "😄"}, "emoticon"),
        ({"file": "voice/1.ogg", "media_type": "voice_message"}, "voice"),
        ({"file": "video/1.mp4", "media_type": "video_file"}, "video"),
        ({"file": "files/1.pdf", "mime_type": "application/pdf"}, "file"),
        ({"location_information": {"latitude": 1, "longitude": 2}}, "service"),
        ({"forwarded_from": "산"}, "forwarded"),
        ({"forwarded_from": None}, "forwarded"),
    ],
)
def test_what_a_person_did_not_type_is_left_out_and_counted_by_kind(
    project: Any, more: dict[str, Any], kind: str
) -> None:
    text = "산의 말" if "forwarded_from" in more else ""
    lay(project, BOTH[0], telegram_message(9, 5, "바다", text, **more), BOTH[1])
    assert project.ingest()["messages_dropped"] == {kind: 1}
    assert project.texts() == [["안녕", "응"]]


def test_the_text_beside_a_picture_is_kept(project: Any) -> None:
    lay(project, BOTH[0], telegram_message(9, 6, "바다", "예쁘지?", photo="photos/1.jpg"))
    project.ingest()
    assert project.texts() == [["안녕", "예쁘지?"]]


def test_what_the_app_says_is_counted_by_kind(project: Any) -> None:
    service = {"type": "service", "actor": "하늘", "actor_id": "user1", "text": ""}
    for name in ("from", "from_id"):
        service |= {name: None}
    actions = ("phone_call", "pin_message", "join_group_by_link", "edit_group_title")
    said = [telegram_message(9, 5, "하늘", "") | service | {"action": action} for action in actions]
    lay(project, BOTH[0], *said, BOTH[1])
    assert project.ingest()["messages_dropped"] == {"call": 1, "pinned": 1, "joined": 1, "system_message": 1}


def test_speakers_are_told_apart_by_their_number_and_a_deleted_account_has_one(project: Any) -> None:
    twins = [telegram_message(9, 5, "바다", "하나"), telegram_message(9, 6, "바다", "둘", from_id="user7")]
    gone = telegram_message(9, 7, None, "셋", from_id="user8")
    lay(project, *twins, gone, name="모임", type="private_group")
    assert "the speakers are: 바다 (user2) (1), 바다 (user7) (1), user8 (1)" in fault(project)
    twice = fault(project, sources=[{"file": "result.json", "assistant": "바다"}])
    assert "more than one speaker is called '바다': 바다 (user2), 바다 (user7)" in twice
    project.ingest(sources=[{"file": "result.json", "assistant": "user7"}])
    assert project.texts() == [["하나", "둘"]]


def test_times_are_those_that_have_no_zone_and_older_exports_have_dates_alone(project: Any) -> None:
    moved = [BOTH[0], telegram_message(9, 6, "바다", "응", date="2026-02-09T23:06:07")]
    lay(project, *moved)
    project.ingest()
    assert project.texts() == [["안녕", "응"]]
    lay(project, *({key: value for key, value in one.items() if key != "date_unixtime"} for one in moved))
    with pytest.raises(InputError, match="no dialogue is left"):  # fourteen hours later
        project.ingest()


def test_chats_of_an_account_are_never_one_dialogue_and_its_owner_is_the_obvious_choice(project: Any) -> None:
    chats = [
        telegram_chat([telegram_message(9, 5, name, f"{n} 봤어?"), telegram_message(9, 6, "하늘", f"응 {n}")], name, n)
        for n, name in ((2, "바다"), (3, "산"))
    ]
    left = telegram_chat([telegram_message(9, 7, "강", "왔어?"), telegram_message(9, 8, "하늘", "왔지")], "모임", 4)
    project.lay("result.json", as_json(telegram_account(*chats, left=(left,))))
    assert (
        "the speakers are: 하늘 (3 in 3 chats), 바다 (1 in one chat), 산 (1 in one chat), 강 (1 in one chat). "
        "Name one in params.yaml: corpus.sources: [{file: result.json, assistant: NAME}]"
    ) in fault(project)
    project.ingest(sources=[{"file": "result.json", "assistant": "하늘"}])
    assert project.texts() == [["2 봤어?", "응 2"], ["3 봤어?", "응 3"], ["왔어?", "왔지"]]


def test_a_bot_is_left_out_and_counted_unless_it_is_named(project: Any) -> None:
    said = [telegram_message(9, 5, "하늘", "/help"), telegram_message(9, 6, "도우미", "무엇을?", from_id="user5")]
    bot = telegram_chat(said, "도우미", 5, type="bot_chat")
    project.lay("result.json", as_json(telegram_account(TELEGRAM, bot)))
    metrics = project.ingest(sources=[{"file": "result.json", "assistant": "바다"}])
    assert metrics["messages_dropped"]["bot"] == 1
    project.ingest(sources=[{"file": "result.json", "assistant": "도우미"}])
    assert project.texts() == [["/help", "무엇을?"]]


def test_a_message_that_is_none_is_named_by_its_place(project: Any) -> None:
    lay(project, *BOTH, "셋")  # type: ignore[arg-type]
    assert fault(project).endswith("result.json:messages[2]: expected a message: an object with from, date and text")
    lay(project, *BOTH, telegram_message(9, 7, "하늘", 5))
    assert "result.json:messages[2]: text is neither a string nor a list" in fault(project)
    timeless = {key: value for key, value in BOTH[0].items() if not key.startswith("date")}
    lay(project, *BOTH, timeless)
    assert "result.json:messages[2]: no date and time: neither date_unixtime nor date" in fault(project)
    project.lay("result.json", as_json(telegram_account(telegram_chat([*BOTH, timeless]))))
    assert "result.json:chats.list[0].messages[2]: no date and time" in fault(project)
    metrics = project.ingest(on_error="skip")
    assert (metrics["rows_dropped"], project.texts()) == ({"no_time": 1}, [["안녕", "응"]])


def test_a_file_that_is_cut_is_an_error_with_its_line(project: Any) -> None:
    project.lay("result.json", as_json(TELEGRAM)[:-30])
    assert "result.json:77: the JSON ends before its brackets are closed; the file may be cut" in fault(project)


def test_the_export_as_a_web_page_is_refused_with_what_to_do(project: Any) -> None:
    project.lay("messages.html", "<!DOCTYPE html>\n<html>\n<head><title>Exported Data</title></head></html>\n")
    assert "If it is the export of a messenger, export the chat again as JSON;" in fault(project)


def test_a_message_of_200_000_characters_is_read(project: Any) -> None:
    lay(project, BOTH[0], telegram_message(9, 6, "바다", "가" * 200_000))
    project.ingest()
    assert project.texts() == [["안녕", "가" * 200_000]]
