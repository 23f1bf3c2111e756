"""Exports of KakaoTalk, written in the grammar of each program."""

from collections.abc import Callable
from typing import Any

import pytest

from tinychat.corpus.sources import as_yaml
from tinychat.errors import InputError

# Hour and minute of the 9th of February 2026, speaker, text.
TALK = [
    (9, 5, "하늘", "안녕 : 잘 잤어?"),
    (9, 6, "바다", "응, 잘 잤어\n너는?"),
    (9, 7, "하늘", "나도"),
    (12, 0, "하늘", "점심 먹었어?"),
    (12, 1, "바다", "아직. [하늘] [오후 1:00] 에 먹자"),
    (23, 59, "하늘", "자?"),
    (24, 1, "바다", "아니, 아직"),
]
DIALOGUES = [
    ["안녕 : 잘 잤어?", "응, 잘 잤어\n너는?"],
    ["점심 먹었어?", "아직. [<name>] [오후 1:00] 에 먹자"],
    ["자?", "아니, 아직"],
]


def korean(hour: int) -> str:
    return f"{'오전' if hour % 24 < 12 else '오후'} {(hour - 1) % 12 + 1}"


def half(hour: int) -> str:
    return "AM" if hour % 24 < 12 else "PM"


def text_export(header: str, day: Callable[[int], str], record: Callable[[int, int, int, str, str], str]) -> str:
    lines, last = [header, ""], 0
    for hour, minute, name, text in TALK:
        date = 9 + hour // 24
        if date != last:
            lines += ["", day(date)]
            last = date
        lines.append(record(date, hour % 24, minute, name, text))
    return "\n".join(lines) + "\n"


def twelve(hour: int) -> int:
    return (hour - 1) % 12 + 1


WEEKDAYS = {9: ("월", "Monday"), 10: ("화", "Tuesday")}
VARIANTS = {
    "android-ko": text_export(
        "바다 님과 카카오톡 대화\n저장한 날짜 : 2026년 2월 11일 오후 6:35",
        lambda d: f"2026년 2월 {d}일 오전 12:00",
        lambda d, h, m, name, text: f"2026년 2월 {d}일 {korean(h)}:{m:02}, {name} : {text}",
    ),
    "android-en-old": text_export(
        "KakaoTalk Chats with 바다\nDate Saved : 6:35PM, February 11, 2026",
        lambda d: f"12:00AM, February {d}, 2026",
        lambda d, h, m, name, text: f"{twelve(h)}:{m:02}{half(h)}, February {d}, 2026, {name} : {text}",
    ),
    "android-en": text_export(
        "KakaoTalk Chats with 바다\nDate Saved: February 11, 2026, 6:35 PM",
        lambda d: f"February {d}, 2026, 12:00 AM",
        lambda d, h, m, name, text: f"February {d}, 2026, {twelve(h)}:{m:02} {half(h)}, {name} : {text}",
    ),
    "android-en-at": text_export(
        "KakaoTalk Chats with 바다\nDate Saved : February 11, 2026 at 6:35\u202fp.m.",
        lambda d: f"February {d}, 2026 at 12:00\u202fa.m.",
        lambda d, h, m, name, text: (
            f"February {d}, 2026 at {twelve(h)}:{m:02}\u202f{half(h)[0].lower()}.m., {name} : {text}"
        ),
    ),
    "ios-ko": text_export(
        "바다 님과 카카오톡 대화\n저장한 날짜 : 2026. 2. 11. 오후 6:35",
        lambda d: f"2026년 2월 {d}일 {WEEKDAYS[d][0]}요일",
        lambda d, h, m, name, text: f"2026. 2. {d}. {korean(h)}:{m:02}, {name} : {text}",
    ),
    "ios-en": text_export(
        "Talk_2026.2.11 18:35-1.txt\nDate Saved : Feb 11, 2026 at 18:35",
        lambda d: f"{WEEKDAYS[d][1]}, February {d}, 2026",
        lambda d, h, m, name, text: f"Feb {d}, 2026 at {h}:{m:02}, {name} : {text}",
    ),
    "ios-time-only": text_export(
        "바다 님과 카카오톡 대화\n저장한 날짜 : 2026. 2. 11. 오후 6:35",
        lambda d: f"2026년 2월 {d}일 {WEEKDAYS[d][0]}요일",
        lambda d, h, m, name, text: f"{korean(h)}:{m:02}, {name} : {text}",
    ),
    "windows-ko": text_export(
        "바다 님과 카카오톡 대화\n저장한 날짜 : 2026-02-11 18:35:07",
        lambda d: f"{'-' * 15} 2026년 2월 {d}일 {WEEKDAYS[d][0]}요일 {'-' * 15}",
        lambda d, h, m, name, text: f"[{name}] [{korean(h)}:{m:02}] {text}",
    ),
    "windows-en": text_export(
        "바다 with KakaoTalk Chats\nDate Saved : 2026-02-11 18:35:07",
        lambda d: f"{'-' * 15} {WEEKDAYS[d][1]}, February {d}, 2026 {'-' * 15}",
        lambda d, h, m, name, text: f"[{name}] [{twelve(h)}:{m:02} {half(h)}] {text}",
    ),
    "windows-24h": text_export(
        "바다 님과 카카오톡 대화\n저장한 날짜 : 2026-02-11 18:35:07",
        lambda d: f"{'-' * 15} 2026년 2월 {d}일 {WEEKDAYS[d][0]}요일 {'-' * 15}",
        lambda d, h, m, name, text: f"[{name}] [{h}:{m:02}] {text}",
    ),
    "mac": "Date,User,Message\n"
    + "".join(f'2026-02-{9 + h // 24:02} {h % 24:02}:{m:02}:07,"{name}","{text}"\n' for h, m, name, text in TALK),
}
WINDOWS_DAY = f"{'-' * 15} 2026년 2월 9일 월요일 {'-' * 15}\n"


def windows(*lines: str) -> str:
    return "바다 님과 카카오톡 대화\n저장한 날짜 : 2026-02-11 18:35:07\n\n" + WINDOWS_DAY + "\n".join(lines) + "\n"


def fault(project: Any, **changed: Any) -> str:
    with pytest.raises(InputError) as raised:
        project.ingest(**changed)
    return str(raised.value)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_each_program_writes_what_is_read(
    project: Any, capsys: pytest.CaptureFixture[str], name: str, end: str, encoding: str
) -> None:
    if encoding == "cp949" and name == "android-en-at":
        pytest.skip("CP949 has no U+202F")
    project.lay("talk.txt", VARIANTS[name].replace("\n", end).encode(encoding))
    metrics = project.ingest()
    assert project.texts() == DIALOGUES
    assert metrics["readers"].keys() == {"kakaotalk"}
    assert metrics["messages_dropped"] == {"trailing_user": 1}
    assert "바다 becomes the bot and 하늘 the user" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "mac"])
def test_a_part_that_was_pasted_without_its_header_is_read(project: Any, name: str) -> None:
    lines = VARIANTS[name].split("\n")
    start = next(n for n, line in enumerate(lines) if not line) + 1
    project.lay("part.txt", "\n".join(lines[start:]).lstrip("\n"))
    project.ingest(sources=[{"file": "part.txt", "assistant": "바다"}])
    assert project.texts() == DIALOGUES


def test_the_bot_is_who_params_names_and_a_pause_ends_a_conversation(project: Any) -> None:
    project.lay("talk.txt", VARIANTS["android-ko"])
    project.ingest(sources=[{"file": "talk.txt", "assistant": "하늘", "gap_minutes": 200}])
    (dialogue,) = project.dialogues()  # the one of the evening ends with a user's turn and has no answer with loss
    assert [turn.content for turn in dialogue.turns] == [*DIALOGUES[0], "나도\n점심 먹었어?"]
    assert [turn.has_loss for turn in dialogue.turns] == [False, True, True]


def test_conversations_with_a_pause_of_less_than_four_hours_are_one_session(project: Any) -> None:
    project.lay("talk.txt", VARIANTS["android-ko"])  # 9:05 to 9:07, 12:30, and the night after
    groups = project.ingest()["groups"]
    assert (groups["sessions"], groups["count"], groups["largest"]) == (1, 2, 2)
    groups = project.ingest(sources=[{"file": "talk.txt", "gap_minutes": 10}])["groups"]
    assert (groups["sessions"], groups["count"]) == (1, 2)


def test_several_names_may_be_one_speaker(project: Any) -> None:
    project.lay(
        "talk.txt", windows("[하늘] [9:05] 안녕", "[바다] [9:06] 응", "[하늘] [9:07] 왜?", "[바다2] [9:08] 그냥")
    )
    project.ingest(sources=[{"file": "talk.txt", "assistant": ["바다", "바다2"]}])
    assert project.texts() == [["안녕", "응", "왜?", "그냥"]]


def test_with_more_than_two_or_one_the_speakers_are_listed(project: Any) -> None:
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", "[바다] [9:06] 응", "[산] [9:07] 나도", "[산] [9:08] 왔어"))
    message = fault(project)
    assert "it is not clear who is to be the bot; the speakers are: 산 (2), 하늘 (1), 바다 (1)" in message
    assert "corpus.sources: [{file: talk.txt, assistant: NAME}]" in message
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", "[하늘] [9:06] 응", "[하늘] [9:07] 나도"))
    assert "the speakers are: 하늘 (3)" in fault(project)
    named = [{"file": "talk.txt", "assistant": "바람"}]
    assert "nobody is called '바람'; the speakers are: 하늘 (3)" in fault(project, sources=named)


def test_bots_of_open_chats_do_not_speak(project: Any) -> None:
    project.lay(
        "talk.txt", windows("[오픈채팅봇] [9:04] 공지", "[하늘] [9:05] 안녕", "[바다] [9:06] 응", "[방장봇] [9:07] 삐")
    )
    metrics = project.ingest()
    assert project.texts() == [["안녕", "응"]]
    assert metrics["messages_dropped"] == {"bot": 2}


def test_names_may_have_brackets_and_commas_and_macos_normal_form(project: Any) -> None:
    project.lay(
        "talk.txt",
        windows("[[운영] 너구리] [9:05] 안녕", "[바\u1103\u1161, 씨] [9:06] 응", "[[운영] 너구리] [9:07] ㅋ"),
    )
    project.ingest(sources=[{"file": "talk.txt", "assistant": "바다, 씨"}])
    assert project.texts() == [["안녕", "응"]]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("산님이 들어왔습니다.", "joined"),
        ("산님이 나갔습니다.", "left"),
        ("하늘님이 산님과 강님을 초대했습니다.", "invited"),
        ("산님을 초대하였습니다.", "invited"),
        (
            "산님이 들어왔습니다.운영정책을 위반한 메시지로 신고 접수 시 카카오톡 이용에 제한이 있을 수 있습니다.",
            "notice",
        ),
        ("불법촬영물등 식별 및 게재제한 조치 안내", "notice"),
        ("하늘 invited 산.", "invited"),
        ("산님을 내보냈습니다.", "removed"),
        ("채팅방 관리자가 메시지를 가렸습니다.", "hidden"),
        ("The message has been deleted.", "deleted"),
    ],
)
def test_what_nobody_typed_is_dropped_and_counted_by_kind(project: Any, line: str, kind: str) -> None:
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", line, "[바다] [9:06] 응"))
    assert project.ingest()["messages_dropped"] == {kind: 1}
    assert project.texts() == [["안녕", "응"]]
    records = ["하늘 : 안녕", line, "바다 : 응", "새로운 안내"]
    project.lay("talk.txt", "".join(f"2026년 2월 9일 오전 9:05, {record}\n" for record in records))
    assert project.ingest()["messages_dropped"] == {kind: 1, "system_message": 1}
    assert project.texts() == [["안녕", "응"]]


def test_a_person_may_type_what_looks_like_a_system_message(project: Any) -> None:
    project.lay("talk.txt", windows("[하늘] [9:05] 뭐래?", "[바다] [9:06] 산님이 나갔습니다.", "[하늘] [9:07] ㅋ"))
    project.ingest()
    assert project.texts() == [["뭐래?", "산님이 나갔습니다."]]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("사진", "photo"),
        ("사진 3장", "photo"),
        ("0a1b2c3d4e.jpg", "photo"),
        ("동영상", "video"),
        ("<음성 메시지 읽지 않음>", "voice"),
        ("(이모티콘) ", "emoticon"),
        ("파일: 계획.hwp", "file"),
        ("계획.pdf", "file"),
        ("보이스톡 4:31", "call"),
        ("삭제된 메시지입니다.", "deleted"),
        ("샵검색: #날씨", "service"),
    ],
)
def test_placeholders_are_dropped_and_counted_by_kind(project: Any, text: str, kind: str) -> None:
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", f"[바다] [9:06] {text}", "[바다] [9:07] 응"))
    assert project.ingest()["messages_dropped"] == {kind: 1}
    assert project.texts() == [["안녕", "응"]]


def test_sentences_with_such_words_stay_and_a_bare_link_is_marked(project: Any) -> None:
    project.lay(
        "talk.txt",
        windows(
            "[하늘] [9:05] 사진 보면 알겠지만 (하트)", "[바다] [9:06] https://example.com/a?b=c", "[하늘] [9:07] 응"
        ),
    )
    project.ingest()
    assert project.texts() == [["사진 보면 알겠지만 (하트)", "<url>"]]


def test_messages_that_are_links_and_nothing_else_are_left_out_on_request(project: Any) -> None:
    said = ["[하늘] [9:05] 뭐 봐?", "[바다] [9:06] HTTPS://example.com/영상", "[바다] [9:07] www.example.com 이거"]
    project.lay("talk.txt", windows(*said, "[하늘] [9:08] https://a.b c"))
    metrics = project.ingest(sources=[{"file": "talk.txt", "drop_links": True}])
    assert metrics["messages_dropped"] == {"link": 1, "trailing_user": 1}
    assert project.texts() == [["뭐 봐?", "<url> 이거"]]


def test_a_pasted_chat_is_text_and_so_is_an_impossible_time(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay(
        "talk.txt",
        windows(
            "[하늘] [9:05] 봐", "[산] [8:00] 옛말", "[바다] [25:00] 뭐", "[바다] [9:06] 웃기다", "[하늘] [9:07] 응"
        ),
    )
    project.ingest()
    assert project.texts() == [["봐\n[산] [8:00] 옛말\n[<name>] [25:00] 뭐", "웃기다"]]
    shown = capsys.readouterr().out
    assert "lines of pasted chats, kept as text: 1" in shown
    assert "lines with an impossible date or time, kept as text: 1" in shown


def test_a_record_that_is_cut_at_the_end_is_left_out_and_told(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", "[바다] [9:06] 응") + "[하늘] [오후 3:1")
    project.ingest()
    assert project.texts() == [["안녕", "응"]]
    assert "talk.txt:7: a record that is cut; it is left out" in capsys.readouterr().out


def test_macs_table_with_line_breaks_quotes_and_faults(project: Any) -> None:
    head = "Date,User,Message\n"
    rows = (
        '2026-02-09 18:35:07,"하늘","그가 ""응""\n이래"\n2026-02-09 18:36,바다,"그래, 응"\n,,"하늘님이 나갔습니다."\n'
    )
    project.lay("talk.csv", head + rows)
    project.ingest()
    assert project.texts() == [['그가 "응"\n이래', "그래, 응"]]
    project.lay("talk.csv", head + rows + "2026-02-09 18:37:07,하늘\n")
    assert "talk.csv:6: 2 cells instead of 3" in fault(project)
    assert project.ingest(on_error="skip")["rows_dropped"] == {"too_few_cells": 1}
    project.lay("talk.csv", head + rows + "어제,하늘,안녕\n")
    assert "talk.csv:6: no date and time: '어제'" in fault(project)
    project.lay("talk.csv", "\n" + head + rows + head + "2026-02-09 9:05,하늘,산님이 들어왔습니다.\n")
    assert project.ingest()["messages_dropped"] == {"joined": 1, "left": 1}
    project.lay("talk.csv", head + '2026-02-09 18:35:07,"하늘","열린\n')
    assert "talk.csv:2: not CSV" in fault(project)


def test_a_typed_date_or_a_paste_of_another_program_moves_no_clock(project: Any) -> None:
    for typed in ("2026년 3월 1일 일요일", "2026. 3. 1. 오후 3:00, 산 : 안 가", "2026년 3월 1일 오후 3:00"):
        lines = ("[하늘] [9:05] 모임", typed, "오후 3시", "[바다] [9:06] 응", "[하늘] [9:07] 왜?", "[바다] [9:08] 그냥")
        project.lay("talk.txt", windows(*lines))
        project.ingest()
        assert project.texts() == [[f"모임\n{typed}\n오후 3시", "응", "왜?", "그냥"]]
    for typed in ("2026년 3월 1일 일요일", "[산] [오후 9:00] 안 가", "산님이 나갔습니다.", "-" * 15):
        times = ("9:05", "9:06", "9:07", "9:08")
        told = (f"하늘 : 모임\n{typed}", "바다 : 응", "하늘 : 왜?", "바다 : 그냥")
        records = (f"2026. 2. 9. 오전 {time}, {record}\n" for time, record in zip(times, told, strict=True))
        project.lay("talk.txt", "".join(records))
        project.ingest(sources=[{"file": "talk.txt", "assistant": "바다"}])
        assert project.texts() == [[f"모임\n{typed}", "응", "왜?", "그냥"]]


def test_an_older_day_in_a_paste_is_text(project: Any) -> None:
    old = f"{'-' * 15} 2026년 2월 1일 일요일 {'-' * 15}"
    project.lay("talk.txt", windows("[하늘] [9:05] 봐", old, "[산] [8:00] 옛말", "[바다] [9:06] 응"))
    project.ingest()
    assert project.texts() == [[f"봐\n{old}\n[산] [8:00] 옛말", "응"]]


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "mac"])
def test_without_a_newline_at_the_end_nothing_is_lost(project: Any, name: str) -> None:
    project.lay("talk.txt", VARIANTS[name].rstrip("\n"))
    project.ingest()
    assert project.texts() == DIALOGUES


@pytest.mark.parametrize(
    ("end", "kept"),
    [("[[운영] 너구리] [오후 3:1", False), ("2026년 봄에 보자", True), ("[하늘] 봤어?", True)],
)
def test_only_the_beginning_of_a_record_is_a_cut_one(project: Any, end: str, kept: bool) -> None:
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", "[바다] [9:06] 응") + end)
    project.ingest()
    masked = end.replace("하늘", "<name>")  # a speaker's
    assert project.texts() == [["안녕", f"응\n{masked}" if kept else "응"]]


def test_records_above_the_first_date_are_counted(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    above = "[하늘] [9:03] 앞\n[바다] [9:04] 앞\n[하늘] [9:04] 앞\n"
    project.lay("talk.txt", above + windows("[하늘] [9:05] 안녕", "[바다] [9:06] 응").split("\n\n")[1])
    project.ingest(sources=[{"file": "talk.txt", "assistant": "바다"}])
    assert project.texts() == [["안녕", "응"]]
    assert "records without a date above them, left out: 3" in capsys.readouterr().out
    project.lay("talk.txt", above)
    assert "talk.txt: no messages in it" in fault(project)


def test_the_first_day_may_be_glued_to_the_head(project: Any) -> None:
    head = "바다 님과 카카오톡 대화\n저장한 날짜 : 2026. 2. 11. 오후 6:352026년 2월 9일 월요일\n"
    project.lay(
        "talk.txt",
        head + "오전 9:05, 하늘 : 안녕\n오전 9:06, 바다 : 응\n\n2026년 2월 10일 화요일\n오전 9:05, 하늘 : 자?\n",
    )
    project.ingest()
    assert project.texts() == [["안녕", "응"]]


def test_the_notice_of_an_open_chat_goes_with_its_text(project: Any) -> None:
    notice = ("불법촬영물등 식별 및 게재제한 조치 안내", "그룹 오픈채팅방에서 동영상을 전송할 때에는 …")
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", *notice, "[바다] [9:06] 응"))
    assert project.ingest()["messages_dropped"] == {"notice": 2}
    assert project.texts() == [["안녕", "응"]]


@pytest.mark.parametrize(
    "text", ["보이스톡 하면 안 돼?", "투표 했어?", "쿠폰 받기 완료!해야 해", "그룹콜 되게 어색하더라"]
)
def test_a_sentence_about_a_call_or_a_vote_stays(project: Any, text: str) -> None:
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", f"[바다] [9:06] {text}"))
    project.ingest()
    assert project.texts() == [["안녕", text]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["글 " * 20, "a invited " * 20_000, "님이 " * 20_000, "100원 받기 완료!" * 20_000, "[" * 50_000]
)
def test_long_messages_take_no_long_time(project: Any, line: str) -> None:
    lines = [line] * (20_000 if len(line) < 100 else 1)
    project.lay("talk.txt", windows("[하늘] [9:05] 안녕", *lines, "[바다] [9:06] 응"))
    metrics = project.ingest()
    assert metrics["rows_read"] == 1


def test_a_first_line_of_any_length_is_no_header(project: Any) -> None:
    long = '{"messages": [{"role": "user", "content": "' + "가" * 150_000
    project.lay("chat.jsonl", long + '"}, {"role": "assistant", "content": "응"}]}\n')
    assert project.ingest()["readers"].keys() == {"openai_chat"}


def test_names_are_quoted_as_yaml_needs_it(project: Any) -> None:
    lines = ("[1004] [9:05] 안녕", "[바다: 제주] [9:06] 응", "[#산, 씨] [9:07] 나도", "[1004] [9:08] 그래")
    project.lay("my talk, 2.txt", windows(*lines))
    message = fault(project)
    assert "corpus.sources: [{file: 'my talk, 2.txt', assistant: NAME}]" in message
    assert (
        as_yaml({"file": "a.txt", "assistant": ["1004", "바다: 제주"]})
        == "{file: a.txt, assistant: ['1004', '바다: 제주']}"
    )


def test_an_export_without_messages_is_an_error(project: Any) -> None:
    project.lay("talk.txt", "바다 님과 카카오톡 대화\n저장한 날짜 : 2026-02-11 18:35:07\n")
    assert "talk.txt: no messages in it" in fault(project)


def test_other_formats_have_no_speaker_to_name(project: Any) -> None:
    project.lay("qa.csv", "Q,A\n안녕,응\n")
    message = fault(project, sources=[{"file": "qa.csv", "assistant": "바다"}])
    assert message.endswith("qa.csv is qa_table, whose roles are known; leave assistant out")


def test_names_do_not_reach_the_corpus(project: Any) -> None:
    project.lay("talk.txt", VARIANTS["windows-ko"])
    project.ingest()
    for path in project.corpus.iterdir():
        assert "바다" not in path.read_text(encoding="utf-8")
