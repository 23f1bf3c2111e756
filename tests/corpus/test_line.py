"""Exports of LINE as text: of phones, with tabs, and of computers, with spaces."""

from typing import Any

import pytest

from tests.corpus.messenger_samples import LINE
from tinychat.errors import InputError


def phone(*lines: str, header: str = "[LINE] 바다とのトーク履歴") -> str:
    return "\n".join([header, "保存日時：2026/02/11 18:35", "", "2026/02/09(月)", *lines]) + "\n"


def computer(*lines: str, header: str = "[LINE] 모임のトーク履歴") -> str:
    return "\n".join([header, "保存日時：2026/02/11 18:35", "", "2026.02.09 月曜日", *lines]) + "\n"


def fault(project: Any, **changed: Any) -> str:
    with pytest.raises(InputError) as raised:
        project.ingest(**changed)
    return str(raised.value)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("9:05\t바다\t[写真]", "photo"),
        ("9:05\t바다\t[スタンプ]", "emoticon"),
        ("9:05\t바다\t[스티커]", "emoticon"),
        ("9:05\t바다\t[동영상]", "video"),
        ("9:05\t바다\t[ボイスメッセージ]", "voice"),
        ("9:05\t바다\t[ファイル]", "file"),
        ("9:05\t바다\t☎ 通話時間 0:07", "call"),
        ("9:05\t☎ 不在着信", "call"),
        ("9:05\t바다がメッセージの送信を取り消しました", "deleted"),
        ("9:05\t\tメッセージの送信を取り消しました", "deleted"),
        ("9:05\t산がグループに参加しました。", "joined"),
        ("9:05\t산が退会しました。", "left"),
        ("9:05\t\t알 수 없는 안내", "system_message"),
    ],
)
def test_what_nobody_typed_is_left_out_and_counted_by_kind(project: Any, line: str, kind: str) -> None:
    project.lay("chat.txt", phone("9:05\t하늘\t안녕", line, "9:06\t바다\t응"))
    assert project.ingest()["messages_dropped"] == {kind: 1}
    assert project.texts() == [["안녕", "응"]]


def test_a_text_of_several_lines_goes_on_to_its_closing_quote(project: Any) -> None:
    pasted = "2026/02/09(月)\n8:00\t산\t옛말"
    said = f'9:06\t바다\t"첫 줄\n\n{pasted}\n끝 줄"'
    project.lay("chat.txt", phone("9:05\t하늘\t안녕", said, '9:07\t하늘\t"따옴표" 하나', "9:08\t바다\t응"))
    project.ingest()
    assert project.texts() == [["안녕", f"첫 줄\n\n{pasted.replace(chr(9), ' ')}\n끝 줄", '"따옴표" 하나', "응"]]


def test_a_quote_that_is_not_closed_swallows_nothing(project: Any) -> None:
    later = "\n\n2026/02/10(火)\n9:05\t하늘\t자?\n9:06\t바다\t아니\n"
    project.lay("chat.txt", phone('9:05\t하늘\t"안녕', '9:06\t바다\t"응').rstrip() + later)
    project.ingest()
    assert project.texts() == [['"안녕', '"응'], ["자?", "아니"]]


def test_times_may_run_back_a_little(project: Any) -> None:
    project.lay("chat.txt", phone("9:05\t하늘\t안녕", "9:04\t바다\t응", "9:06\t하늘\t뭐해", "9:07\t바다\t쉬어"))
    project.ingest()
    assert project.texts() == [["안녕", "응", "뭐해", "쉬어"]]


def test_noon_and_midnight_of_a_twelve_hour_clock(project: Any) -> None:
    stamps = ("午前0:10", "午前 1:05", "午後0:10", "午後1:05")
    said = ("하늘\t안녕", "바다\t응", "하늘\t자?", "바다\t아니")
    project.lay("chat.txt", phone(*(f"{a}\t{b}" for a, b in zip(stamps, said, strict=True))))
    project.ingest()
    assert project.texts() == [["안녕", "응"], ["자?", "아니"]]


@pytest.mark.parametrize("day", ["Mon, 02/09/2026", "Mon, 09/02/2026"])
def test_the_weekday_tells_whether_the_month_is_first(project: Any, day: str) -> None:
    text = LINE["english"].replace("Mon, 02/09/2026", day).rstrip() + "\n\nTue, 02/10/2026\n06:00PM\t하늘\t잘 자\n"
    project.lay("chat.txt", text + "06:01PM\t바다\t너도\n")
    project.ingest(sources=[{"file": "chat.txt", "gap_minutes": 2000}])
    assert len(project.texts()) == 1  # a day between them, and not seven months


def test_on_a_computer_names_may_have_spaces(project: Any) -> None:
    said = [f"9:{n:02} {('Lee Haneul', '바다')[n % 2]} {n}번 말 {n}" for n in range(12)]
    project.lay("chat.txt", computer(*said))
    project.ingest(sources=[{"file": "chat.txt", "assistant": "Lee Haneul"}])
    (dialogue,) = project.dialogues()
    assert [turn.content for turn in dialogue.turns][:3] == ["0번 말 0", "1번 말 1", "2번 말 2"]


def test_on_a_computer_the_partner_of_the_first_line_may_have_a_space(project: Any) -> None:
    header = "[LINE] Kim Badaとのトーク履歴"
    project.lay("chat.txt", computer("9:05 하늘 안녕", "9:06 Kim Bada 응", "9:07 산が参加しました", header=header))
    metrics = project.ingest()
    assert (metrics["messages_dropped"], project.texts()) == ({"system_message": 1}, [["안녕", "응"]])


def test_a_part_without_its_head_is_read(project: Any) -> None:
    for name in ("japanese", "computer"):
        project.lay("part.txt", LINE[name].partition("\n\n")[2])
        project.ingest(sources=[{"file": "part.txt", "assistant": "바다"}])
        assert len(project.texts()) == 2


def test_records_above_the_first_date_are_counted(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("chat.txt", "9:03\t하늘\t앞\n" + LINE["japanese"].partition("\n\n")[2])
    project.ingest(sources=[{"file": "chat.txt", "format": "line", "assistant": "바다"}])
    assert "records without a date above them, left out: 1" in capsys.readouterr().out


def test_an_impossible_time_is_text_and_a_file_without_messages_an_error(project: Any) -> None:
    project.lay("chat.txt", phone("9:05\t하늘\t안녕", "25:00\t산\t뭐", "9:06\t바다\t응"))
    project.ingest()
    assert project.texts() == [["안녕\n25:00 산 뭐", "응"]]
    project.lay("chat.txt", phone())
    assert "chat.txt" in fault(project)


@pytest.mark.slow
@pytest.mark.parametrize("line", ["2026/02/09" * 20_000, "9:05\t" * 20_000, '"' * 60_000, "参加 " * 20_000])
def test_long_lines_take_no_long_time(project: Any, line: str) -> None:
    project.lay("chat.txt", phone("9:05\t하늘\t안녕", "9:06\t바다\t응", f"9:07\t하늘\t{line}", line, "9:08\t바다\t응"))
    assert project.ingest(sources=[{"file": "chat.txt", "assistant": "바다"}])["rows_read"] >= 1
