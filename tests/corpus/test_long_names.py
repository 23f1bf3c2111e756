"""Names that hold what separates them from their text."""

from typing import Any

import pytest

from tinychat.corpus.long_names import divide, long_names


def found(*lines: str) -> set[str]:
    return {" : ".join(parts) for parts in long_names(lambda: [line.split(" : ") for line in lines])}


def test_a_name_that_all_its_messages_begin_with_is_one() -> None:
    said = [f"팀장 : 김 : 말 {n}" for n in range(6)] + [f"하늘 : 답 {n}" for n in range(6)]
    assert found(*said) == {"팀장 : 김"}


def test_two_names_may_begin_alike() -> None:
    said = [f"팀 : {name} : 말 {n}" for n in range(6) for name in ("김", "이")]
    assert found(*said) == {"팀 : 김", "팀 : 이"}


def test_a_name_may_have_three_parts() -> None:
    assert found(*(f"회사 : 팀 : 김 : 말 {n}" for n in range(6))) == {"회사 : 팀 : 김"}


def test_what_a_person_writes_now_and_then_is_no_name() -> None:
    assert found(*(f"하늘 : 메모 : {n}" for n in range(6)), "하늘 : 안녕") == set()
    assert found(*("하늘 : 메모 : 같은 말" for _ in range(6))) == set()
    assert found(*(f"하늘 : 메모 : {n}" for n in range(3))) == set()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("하늘 : 안녕 : 나야", ("하늘", "안녕 : 나야")),
        ("팀장 : 김 : 안녕", ("팀장 : 김", "안녕")),
        ("팀장 : 김 :", ("팀장 : 김", "")),
        ("하늘 :", ("하늘", "")),
        ("하늘님이 나갔습니다.", ("", "하늘님이 나갔습니다.")),
        (" : 안녕", ("", " : 안녕")),
    ],
)
def test_a_record_is_divided_behind_the_name(record: str, expected: tuple[str, str]) -> None:
    assert divide(record, " : ", ["팀장 : 김"]) == expected


def kakaotalk(*said: str, header: str = "모임 (3명) 카카오톡 대화") -> str:
    lines = [f"2026년 2월 9일 오전 9:{n:02}, {one}" for n, one in enumerate(said)]
    return "\n".join([header, "저장한 날짜 : 2026년 2월 11일 오후 6:35", "", *lines]) + "\n"


def test_kakaotalk_reads_such_a_name(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said = [one for n in range(6) for one in (f"하늘 : 시간 : {n}시?", f"팀장 : 김 : 네 : {n}시")]
    project.lay("talk.txt", kakaotalk(*said, "하늘 : 끝"))
    project.ingest(sources=[{"file": "talk.txt", "assistant": "팀장 : 김"}])
    (dialogue,) = project.dialogues()
    assert [turn.content for turn in dialogue.turns][:2] == ["시간 : 0시?", "네 : 0시"]
    assert "names with a colon in them: 팀장 : 김" in capsys.readouterr().out


def test_the_first_line_or_params_name_it_where_it_writes_little(project: Any) -> None:
    said = ("하늘 : 안녕", "팀장 : 김 : 네")
    project.lay("talk.txt", kakaotalk(*said, header="팀장 : 김 님과 카카오톡 대화"))
    project.ingest()
    assert project.texts() == [["안녕", "네"]]
    project.lay("talk.txt", kakaotalk(*said))
    project.ingest(sources=[{"file": "talk.txt", "assistant": "팀장 : 김"}])
    assert project.texts() == [["안녕", "네"]]
