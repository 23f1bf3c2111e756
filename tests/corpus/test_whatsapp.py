"""Exports of WhatsApp, in the forms of Android and iOS."""

from typing import Any

import pytest

from tinychat.errors import InputError

NARROW = "\u202f"
VARIANTS = {
    "android, month first": (
        "2/9/26, 6:30 PM - Messages and calls are end-to-end encrypted. Learn more.\n"
        "2/9/26, 6:35 PM - 하늘: 안녕: 잘 있어?\n2/9/26, 6:36 PM - 바다: 응\n너는?\n2/13/26, 12:05 AM - 하늘: 자?\n"
        "2/13/26, 12:06 AM - 바다: 아니\n"
    ),
    "android, day first": (
        "09/02/2026, 18:35 - 하늘: 안녕: 잘 있어?\n09/02/2026, 18:36 - 바다: 응\n너는?\n13/02/2026, 00:05 - 하늘: 자?\n"
        "13/02/2026, 00:06 - 바다: 아니\n"
    ),
    "ios": (
        "[2026/02/09, 6:35:07 PM] 하늘: 안녕: 잘 있어?\n[2026/02/09, 6:36:07 PM] 바다: 응\n너는?\n"
        "[2026/02/13, 12:05:00 AM] 하늘: 자?\n\u200e[2026/02/13, 12:06:00 AM] ~\u202f바다: 아니\n"
    ).replace(" PM", f"{NARROW}PM"),
    "korean": (
        "2026. 2. 9. 오후 6:35 - 하늘: 안녕: 잘 있어?\n2026. 2. 9. 오후 6:36 - 바다: 응\n너는?\n"
        "2026. 2. 13. 오전 12:05 - 하늘: 자?\n2026. 2. 13. 오전 12:06 - 바다: 아니\n"
    ),
    "signal": (
        "[2026-02-09, 18:35] 하늘: 안녕: 잘 있어?\n[2026-02-09, 18:36] 바다: 응\n너는?\n[2026-02-13, 00:05] 하늘: 자?\n"
        "[2026-02-13, 00:06] 바다: 아니\n"
    ),
}


def android(*lines: str) -> str:
    return "".join(f"13/02/2026, 18:{minute:02} - {line}\n" for minute, line in enumerate(lines, 30))


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_form_is_read(project: Any, name: str, end: str) -> None:
    project.lay("chat.txt", VARIANTS[name].replace("\n", end))
    metrics = project.ingest()
    assert metrics["readers"].keys() == {"whatsapp"}
    assert project.texts() == [["안녕: 잘 있어?", "응\n너는?"], ["자?", "아니"]]


def test_where_the_order_of_the_date_is_not_clear_it_is_asked_for(project: Any) -> None:
    text = "2/9/26, 6:35 PM - 하늘: 안녕\n2/9/26, 6:36 PM - 바다: 응\n"
    project.lay("chat.txt", text + text.replace("2/9", "3/9").replace("안녕", "자?"))
    with pytest.raises(InputError, match=r"day or the month first.*date_order: dmy"):
        project.ingest()
    project.ingest(sources=[{"file": "chat.txt", "date_order": "mdy", "gap_minutes": 10_000}])
    assert project.texts() == [["안녕", "응"], ["자?", "응"]]  # four weeks between them
    project.ingest(sources=[{"file": "chat.txt", "date_order": "dmy", "gap_minutes": 10_000}])
    assert project.texts() == [["안녕", "응", "자?", "응"]]  # a day


def test_the_order_in_which_times_do_not_run_backwards_is_taken(project: Any) -> None:
    text = "2/10/26, 6:35 PM - 하늘: 안녕\n2/10/26, 6:36 PM - 바다: 응\n"
    project.lay("chat.txt", text + text.replace("2/10", "3/9").replace("안녕", "자?"))
    project.ingest(sources=[{"file": "chat.txt", "gap_minutes": 60_000}])
    assert project.texts() == [["안녕", "응", "자?", "응"]]  # the 10th of February and the 9th of March


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<Media omitted>", "media"),
        ("\u200eimage omitted", "media"),
        ("IMG-20260213-WA0001.jpg (file attached)", "media"),
        ("<attached: 00000012-PHOTO.jpg>", "media"),
        ("This message was deleted", "deleted"),
        ("null", "call"),
    ],
)
def test_placeholders_are_dropped_and_counted_by_kind(project: Any, text: str, kind: str) -> None:
    project.lay("chat.txt", android("하늘: 안녕", f"바다: {text}", "바다: 응"))
    assert project.ingest()["messages_dropped"] == {kind: 1}
    assert project.texts() == [["안녕", "응"]]


@pytest.mark.parametrize(
    "line",
    [
        "하늘 added 산",
        "산 left",
        "하늘 changed the subject from “a: b” to “c”",
        "모임: \u200e산 joined using this group's invite link",
        "바다:.",
    ],
)
def test_what_nobody_typed_is_dropped_and_counted(project: Any, line: str) -> None:
    project.lay("chat.txt", android("하늘: 안녕", line, "바다: 응"))
    assert project.ingest()["messages_dropped"] == {"system_message": 1}
    assert project.texts() == [["안녕", "응"]]


def test_clocks_of_phones_that_differ_lose_nothing(project: Any) -> None:
    stamps = ("18:30", "18:29", "18:31", "18:32")
    said = ("하늘: 안녕", "바다: 응", "하늘: 뭐해", "바다: 쉬어")
    project.lay("chat.txt", "".join(f"13/02/2026, {a} - {b}\n" for a, b in zip(stamps, said, strict=True)))
    project.ingest()
    assert project.texts() == [["안녕", "응", "뭐해", "쉬어"]]


@pytest.mark.parametrize(
    "typed", ["2026. 2. 14. 19:00 저녁 약속", "2026. 2. 14. 19:00 저녁: 파스타", "2026-02-01 10:00 로그: 에러"]
)
def test_a_typed_date_is_text(project: Any, typed: str) -> None:
    text = "2026. 2. 9. 오후 6:35 - 하늘: 안녕\n2026. 2. 9. 오후 6:36 - 바다: 응\n"
    project.lay("chat.txt", text.replace("안녕", f"안녕\n{typed}") + text.replace("안녕", "자?"))
    project.ingest()
    assert project.texts() == [[f"안녕\n{typed}", "응", "자?", "응"]]


def test_an_afternoon_may_have_other_spaces(project: Any) -> None:
    stamps = ("11:58 a.\u00a0m.", "12:05 p.\u00a0m.", "1:10 p.\u00a0m.", "1:11 p.\u00a0m.")
    said = ("하늘: 안녕", "바다: 응", "하늘: 자?", "바다: 아니")
    project.lay("chat.txt", "".join(f"13/2/2026, {a} - {b}\n" for a, b in zip(stamps, said, strict=True)))
    project.ingest()
    assert project.texts() == [["안녕", "응"], ["자?", "아니"]]


@pytest.mark.parametrize(
    "content",
    [
        "2026-02-09 18:35:01 INFO: start\n2026-02-09 18:35:02 ERROR: bad\n2026-02-09 18:35:03 INFO: end\n",
        "일기\n" * 20 + "2026. 2. 9. 18:30 - 저녁: 김치찌개\n" * 4,
    ],
)
def test_a_log_or_a_diary_is_no_chat(project: Any, content: str) -> None:
    project.lay("log.txt", content)
    with pytest.raises(InputError, match="no format fits"):
        project.ingest()


def test_a_table_with_dates_in_its_questions_is_a_table(project: Any) -> None:
    project.lay("qa.csv", "Q,A\n" + "".join(f"2026-02-09 18:3{n} - 회의: 있어?,응 {n}\n" for n in range(4)))
    assert project.ingest()["readers"].keys() == {"qa_table"}


def test_an_export_put_together_the_wrong_way_is_an_error(project: Any) -> None:
    text = "13/02/2026, 18:30 - 하늘: 안녕\n13/02/2026, 18:31 - 바다: 응\n"
    project.lay("chat.txt", text + text.replace("13/02", "01/01") * 3)
    with pytest.raises(InputError, match="6 records are more than a day before"):
        project.ingest()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("<Media omitted>\n예쁘지?", "예쁘지?"),
        ("사진이야 \u200eimage omitted", "사진이야"),
        ("video call me at 8?", "video call me at 8?"),
        ("voice call 말고 만나자", "voice call 말고 만나자"),
    ],
)
def test_what_is_typed_beside_a_picture_or_of_a_call_stays(project: Any, said: str, kept: str) -> None:
    project.lay("chat.txt", android("하늘: 안녕", f"바다: {said}", "하늘: 자?"))
    project.ingest(sources=[{"file": "chat.txt", "assistant": "바다"}])
    assert project.texts() == [["안녕", kept]]


def test_an_edited_message_is_as_typed_and_a_paste_is_text(project: Any) -> None:
    old = "01/01/2026, 10:00 - 산: 옛말"
    text = android("하늘: 안녕 <This message was edited>", "바다: 봐") + old + "\n" + "13/02/2026, 19:00 - 하늘: 응\n"
    project.lay("chat.txt", text)
    project.ingest(sources=[{"file": "chat.txt", "assistant": "바다"}])
    assert project.texts() == [["안녕", f"봐\n{old}"]]


@pytest.mark.slow
@pytest.mark.parametrize("line", ["1/" * 30_000, "[" * 60_000, "1 " * 30_000, "글 added " * 20_000, "\u200e" * 60_000])
def test_long_lines_take_no_long_time(project: Any, line: str) -> None:
    begin = android("하늘: 안녕", "바다: 응", "하늘: 자?", f"바다: {line}")
    project.lay("chat.txt", begin + f"{line}\n" * 3 + "13/02/2026, 19:00 - 하늘: 응\n")
    assert project.ingest(sources=[{"file": "chat.txt", "assistant": "바다"}])["rows_read"] >= 1
