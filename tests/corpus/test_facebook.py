"""Chats of Facebook Messenger and Instagram, and of Messenger's end-to-end encrypted chats."""

from typing import Any

import pytest

from tests.corpus.messenger_samples import (
    as_json,
    encrypted_chat,
    encrypted_message,
    facebook_file,
    facebook_message,
)
from tinychat.corpus.readers.facebook import mended
from tinychat.errors import InputError

BOTH = [facebook_message(9, 5, "하늘", "안녕"), facebook_message(9, 6, "바다", "응")]


def lay(project: Any, *messages: Any, name: str = "message_1.json", path: str = "inbox/bada_123") -> None:
    project.lay(name, facebook_file(list(messages), path))


def fault(project: Any, **changed: Any) -> str:
    with pytest.raises(InputError) as raised:
        project.ingest(**changed)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("ì\x95\x88ë\x85\x95", "안녕"),
        ("ð\x9f\x98\x84", "😄"),
        ("안녕", "안녕"),
        ("café", "café"),
        ("plain", "plain"),
    ],
)
def test_text_is_repaired_where_it_was_broken_and_stays_where_it_was_not(text: str, read: str) -> None:
    assert mended(text) == read


@pytest.mark.parametrize(
    ("more", "text", "kind"),
    [
        ({"photos": [{"uri": "photos/1.jpg"}]}, None, "photo"),
        ({"photos": [{"uri": "photos/1.jpg"}]}, "바다 sent a photo.", "file"),
        ({"sticker": {"uri": "stickers/1.png"}}, None, "emoticon"),
        ({"audio_files": [{"uri": "audio/1.mp4"}]}, None, "voice"),
        ({"share": {"link": "https://example.com"}}, None, "service"),
        ({"call_duration": 7}, "바다 called you.", "call"),
        ({}, "바다님이 첨부 파일을 보냈습니다.", "file"),
        ({}, "Reacted 😍 to your message ", "reaction"),
        ({}, "Liked a message", "reaction"),
        ({}, "You missed a video call from 하늘.", "call"),
        ({}, "바다 left the group.", "left"),
        ({}, "바다 set the nickname for 하늘 to 구름.", "system_message"),
        ({"is_unsent": True}, None, "deleted"),
    ],
)
def test_what_a_person_did_not_type_is_left_out_and_counted_by_kind(
    project: Any, more: dict[str, Any], text: str | None, kind: str
) -> None:
    lay(project, BOTH[0], facebook_message(9, 5, "바다", text, **more), BOTH[1])
    assert project.ingest()["messages_dropped"] == {kind: 1}
    assert project.texts() == [["안녕", "응"]]


@pytest.mark.parametrize("text", ["I sent a photo.", "산 sent a photo.", "I listened to your message", "called you."])
def test_a_sentence_about_such_things_stays(project: Any, text: str) -> None:
    lay(project, BOTH[0], facebook_message(9, 6, "바다", text))
    project.ingest()
    assert project.texts() == [["안녕", text]]


def test_numbered_files_of_a_chat_are_read_as_one_by_time(project: Any) -> None:
    lay(project, facebook_message(9, 7, "하늘", "뭐해"), facebook_message(9, 8, "바다", "쉬어"))
    lay(project, *BOTH, name="message_2.json")
    lay(project, *BOTH, name="other.json", path="inbox/san_7")
    metrics = project.ingest()
    assert project.texts() == [["안녕", "응", "뭐해", "쉬어"], ["안녕", "응"]]
    assert metrics["sources"] == 3


def test_encrypted_chats_have_other_keys_and_good_text(project: Any) -> None:
    said = [encrypted_message(9, 5, "하늘", "안녕 ì"), encrypted_message(9, 6, "바다", "응")]
    left_out = [
        encrypted_message(9, 5, "바다", "", media=[{"uri": "./media/1.jpeg"}], type="media"),
        encrypted_message(9, 5, "바다", "User unsent a message", isUnsent=True),
        encrypted_message(9, 5, "바다", "바다 started a video call.", type="placeholder"),
    ]
    project.lay("바다_7.json", as_json(encrypted_chat([said[0], *left_out, said[1]])))
    metrics = project.ingest()
    assert project.texts() == [["안녕 ì", "응"]]
    assert metrics["messages_dropped"] == {"photo": 1, "deleted": 1, "system_message": 1}


def test_a_chat_without_messages_is_one_of_this_messenger(project: Any) -> None:
    lay(project)
    assert "message_1.json: no messages in it" in fault(project)


def test_a_message_that_is_none_is_named_by_its_place(project: Any) -> None:
    lay(project, *BOTH, {"sender_name": "x"})
    assert "message_1.json:messages[0]: expected a message: an object with the name of the sender" in fault(project)
    lay(project, *BOTH, facebook_message(9, 7, "하늘", None, content=5))
    assert "message_1.json:messages[0]: the content of a message is not a text" in fault(project)


@pytest.mark.parametrize("stamp", [10**400, -(10**400), 1e300], ids=["huge", "hugely negative", "of a float"])
def test_a_time_that_is_no_number_of_milliseconds_is_an_error_that_names_the_message(project: Any, stamp: Any) -> None:
    lay(
        project, *BOTH, facebook_message(9, 7, "하늘", "잘 가", timestamp_ms=stamp)
    )  # the newest is the first in the file
    assert "message_1.json:messages[0]: expected a message: an object with the name of the sender" in fault(project)
