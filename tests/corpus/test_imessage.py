"""iMessage, as imessage-exporter writes it as text."""

from typing import Any

import pytest

from tests.corpus.messenger_samples import imessage

BOTH = [(9, 5, "Me", "안녕"), (9, 6, "바다", "응")]


def test_the_partner_becomes_the_bot_and_the_owner_is_me(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("바다.txt", imessage(*BOTH[::-1], *BOTH))
    project.ingest()
    assert "바다 becomes the bot and Me the user" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("below", "read"),
    [
        ("응\nTapbacks:\nLoved by Me", "응"),
        ("응\nReactions:\nLiked by Me\nSticker from 산: /a/b.heic", "응"),
        ("응\nThis message responded to an earlier message.", "응"),
        ("응\n    Feb 09, 2026  9:07:07 AM\n    Me\n    뭐가?\n", "응"),
        ("첫 줄\n\n끝 줄", "첫 줄\n\n끝 줄"),
        ("~/Library/Messages/Attachments/1/IMG_1.jpeg\n예쁘지?", "예쁘지?"),
    ],
)
def test_only_what_was_typed_is_text(project: Any, below: str, read: str) -> None:
    project.lay("바다.txt", imessage(BOTH[0], (9, 6, "바다", below)))
    project.ingest()
    assert project.texts() == [["안녕", read]]


def test_pictures_and_what_the_app_says_are_counted(project: Any) -> None:
    picture = (9, 5, "바다", "~/Library/Messages/Attachments/1/IMG_1.jpeg")
    said = "Feb 09, 2026 9:05:30 AM Me named the conversation 모임\n\n"
    project.lay("바다.txt", imessage(BOTH[0], picture) + said + imessage(BOTH[1]))
    assert project.ingest()["messages_dropped"] == {"photo": 1, "system_message": 1}
    assert project.texts() == [["안녕", "응"]]


def test_a_time_that_was_read_later_is_one(project: Any) -> None:
    text = imessage(*BOTH).replace("9:06:07 AM", "9:06:07 AM (Read by you after 1 minute, 20 seconds)")
    project.lay("바다.txt", text)
    project.ingest()
    assert project.texts() == [["안녕", "응"]]
