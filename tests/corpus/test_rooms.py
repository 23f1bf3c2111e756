"""Files of one room: exported twice, in parts, or by two programs. Nothing is read twice, and nothing is lost."""

from typing import Any

import pytest

from tests.corpus.messenger_samples import (
    LINE,
    as_json,
    discord_channel,
    discord_message,
    telegram_chat,
    telegram_message,
)

HEADER = "바다 님과 카카오톡 대화\n저장한 날짜 : 2026년 2월 11일 오후 6:35\n\n"


def android(*said: tuple[int, int, str, str], header: str = HEADER) -> str:
    return header + "".join(
        f"2026년 2월 {day}일 오전 9:{minute:02}, {name} : {text}\n" for day, minute, name, text in said
    )


def talk(*minutes: int, day: int = 9) -> list[tuple[int, int, str, str]]:
    """하늘 asks in even minutes and 바다 answers in odd ones."""
    return [(day, m, "바다" if m % 2 else "하늘", f"{'답' if m % 2 else '말'} {day} {m}") for m in minutes]


def texts(said: list[tuple[int, int, str, str]]) -> list[str]:
    return [text for *_, text in said]


def test_a_room_that_was_exported_twice_is_read_once(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("2026-01.txt", android(*talk(0, 1, 2, 3)))
    project.lay("2026-02.txt", android(*talk(0, 1, 2, 3, 4, 5)))
    metrics = project.ingest()
    assert project.texts() == [texts(talk(0, 1, 2, 3, 4, 5))]  # not cut where the first file ends
    assert metrics["messages_dropped"] == {"in_an_earlier_file": 4}
    assert (metrics["sources"], metrics["readers"]["kakaotalk"]["sources"]) == (2, 2)
    shown = capsys.readouterr().out
    assert "2026-01.txt, " in shown and "read as one, being of one room: 2026-01.txt, 2026-02.txt" in shown
    assert "messages left out, in_an_earlier_file: 4" in shown


def test_exports_that_overlap_in_the_middle_are_one_talk(project: Any) -> None:
    project.lay("a.txt", android(*talk(2, 3, 4, 5)))
    project.lay("b.txt", android(*talk(0, 1, 2, 3)))
    project.ingest()
    assert project.texts() == [texts(talk(0, 1, 2, 3, 4, 5))]


def test_an_export_may_begin_in_the_middle_of_a_minute(project: Any) -> None:
    minute = [(9, 5, "하늘", "하나"), (9, 5, "바다", "둘"), (9, 5, "하늘", "셋"), (9, 5, "바다", "넷")]
    project.lay("a.txt", android(*minute[2:], *talk(6, 7)))
    project.lay("b.txt", android(*talk(0, 1), *minute))
    project.ingest()
    assert project.texts() == [[*texts(talk(0, 1)), *texts(minute), *texts(talk(6, 7))]]


def test_in_one_file_nothing_is_a_repeat(project: Any) -> None:
    twice = [(9, 0, "하늘", "ㅋㅋ"), (9, 0, "하늘", "ㅋㅋ"), (9, 1, "바다", "왜")]
    project.lay("a.txt", android(*twice, *talk(2, 3)))
    project.ingest()
    assert project.texts() == [["ㅋㅋ\nㅋㅋ", "왜", *texts(talk(2, 3))]]
    project.lay("b.txt", android(*twice, *talk(2, 3, 4, 5)))
    metrics = project.ingest()
    assert project.texts() == [["ㅋㅋ\nㅋㅋ", "왜", *texts(talk(2, 3, 4, 5))]]
    assert metrics["messages_dropped"]["in_an_earlier_file"] == 5


def test_two_people_of_one_name_are_two_rooms(project: Any) -> None:
    project.lay("a.txt", android(*talk(0, 1, 2, 3, 4, 5)))
    other = [(day, minute, name, f"다른 {text}") for day, minute, name, text in talk(0, 1, 2, 3, 4, 5)]
    project.lay("b.txt", android(*other))
    project.ingest()
    assert project.texts() == [texts(talk(0, 1, 2, 3, 4, 5)), texts(other)]


def test_parts_of_a_large_room_go_on_in_the_next(project: Any) -> None:
    for number, minutes in enumerate([(0, 1, 2), (3, 4, 5)], 1):
        head = f"Talk_2026.2.9 18:35-{number}.txt\nDate Saved : Feb 11, 2026 at 18:35\n\n"
        lines = "".join(f"Feb 9, 2026 at 9:{m:02}, {name} : {text}\n" for _, m, name, text in talk(*minutes))
        project.lay(f"Talk-{number}.txt", head + lines)
    project.ingest(sources=[{"file": f"Talk-{n}.txt", "assistant": "바다"} for n in (1, 2)])
    assert project.texts() == [texts(talk(0, 1, 2, 3, 4, 5))]


def test_the_programs_of_a_computer_and_a_phone_write_one_room(project: Any) -> None:
    day = f"{'-' * 15} 2026년 2월 9일 월요일 {'-' * 15}\n"
    lines = "".join(f"[{name}] [오전 9:{m:02}] {text}\n" for _, m, name, text in talk(0, 1, 2, 3))
    project.lay("windows.txt", f"바다 님과 카카오톡 대화\n저장한 날짜 : 2026-02-11 18:35:07\n\n{day}{lines}")
    project.lay("phone.txt", android(*talk(2, 3, 4, 5)))
    mac = "".join(f'2026-02-09 09:{m:02}:07,"{name}","{text}"\n' for _, m, name, text in talk(4, 5, 6, 7))
    project.lay("KakaoTalk_Chat_바다_2026-02-09-18-35-07.csv", "Date,User,Message\n" + mac)
    project.ingest()
    assert project.texts() == [texts(talk(0, 1, 2, 3, 4, 5, 6, 7))]


def test_sources_that_are_read_in_other_ways_are_not_put_together(project: Any) -> None:
    for name in ("a.txt", "b.txt"):
        project.lay(name, android(*talk(0, 1, 2, 3)))
    project.ingest(sources=[{"file": "a.txt", "assistant": "바다"}, {"file": "b.txt", "assistant": "하늘"}])
    assert project.texts() == [texts(talk(0, 1, 2, 3)), texts(talk(0, 1, 2))]


@pytest.mark.parametrize("name", ["line.txt", "chat.json", "result.json", "WhatsApp Chat with 바다.txt"])
def test_rooms_of_other_messengers_are_told_too(project: Any, name: str) -> None:
    minutes = [(5, "하늘", "안녕"), (6, "바다", "응"), (7, "하늘", "뭐해"), (8, "바다", "쉬어")]
    files = {
        "line.txt": lambda said: (
            LINE["japanese"].partition("\n\n")[0]
            + "\n\n2026/02/09(月)\n"
            + "".join(f"09:{m:02}\t{speaker}\t{text}\n" for m, speaker, text in said)
        ),
        "chat.json": lambda said: as_json(discord_channel([discord_message(9, *one) for one in said])),
        "result.json": lambda said: as_json(telegram_chat([telegram_message(9, *one) for one in said])),
        "WhatsApp Chat with 바다.txt": lambda said: "".join(
            f"13/02/2026, 09:{m:02} - {speaker}: {text}\n" for m, speaker, text in said
        ),
    }
    project.lay(name, files[name](minutes[:3]))
    other = "WhatsApp Chat with 바다 (1).txt" if name.startswith("WhatsApp") else f"second-{name}"
    project.lay(other, files[name](minutes))
    metrics = project.ingest()
    assert project.texts() == [["안녕", "응", "뭐해", "쉬어"]]
    assert metrics["messages_dropped"] == {"in_an_earlier_file": 3}


def test_faulty_rows_of_a_room_are_counted_with_it(project: Any) -> None:
    rows = "".join(f'2026-02-09 09:{m:02}:07,"{name}","{text}"\n' for _, m, name, text in talk(0, 1, 2, 3))
    for number, more in enumerate(("2026-02-09 09:04:00,하늘\n", "")):
        name = f"KakaoTalk_Chat_바다_2026-02-09-18-35-0{number}.csv"
        project.lay(name, "Date,User,Message\n" + more + rows)
    metrics = project.ingest(on_error="skip")
    assert metrics["rows_dropped"] == {"too_few_cells": 1}
    assert metrics["messages_dropped"] == {"in_an_earlier_file": 4}
    assert project.texts() == [texts(talk(0, 1, 2, 3))]


def test_files_of_one_room_are_one_source_whose_limits_and_shares_are_added(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        days = [one for day in range(5 * number, 5 * number + 5) for one in talk(0, 1, day=day)]
        project.lay(f"talk-{number}.txt", android(*days))
    project.lay("qa.csv", "Q,A\n안녕,응\n")
    files = [{"file": f"talk-{number}.txt", "limit": 2, "share": 0.25} for number in (1, 2)]
    metrics = project.ingest(sources=[{"file": "qa.csv"}, *files])
    assert (metrics["rows_kept"], metrics["rows_dropped"]) == (5, {"over_the_limit": 6})
    assert len(metrics["mixture"]) == 2
    assert [one["share"] for one in metrics["mixture"].values()] == [0.5, 0.5]
    assert "talk-1.txt, talk-2.txt" in capsys.readouterr().out
