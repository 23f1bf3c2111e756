"""The conversation in a real pseudo-terminal, as a person at it sees it."""

import re
import signal
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("a pseudo-terminal needs POSIX", allow_module_level=True)

from tests.chatting.models import GREETS, saved_dialogues
from tests.chatting.ptys import (
    BACKSPACE,
    CTRL_C,
    CTRL_D,
    CTRL_R,
    DELETE,
    ENTER,
    HOME,
    LEFT,
    RIGHT,
    UP,
    Pty,
    tinychat,
)

FAMILY = "👨\u200d👩\u200d👧"
DECOMPOSED = "\u1112\u1161\u11ab"  # 한, as a macOS file name has it


def conversation(project: Path, *options: str, **terminal: object) -> Pty:
    """A conversation whose prompt is there."""
    pty = Pty(*tinychat("chat", *options), cwd=project, **terminal)  # type: ignore[arg-type]
    pty.wait_for_line("나 ›")
    return pty


def long_reply(project: Path, **terminal: object) -> Pty:
    """A conversation with a reply that does not come to an end, of which something is seen already."""
    pty = conversation(project, "--model", "models/endless", "--max-tokens", "19000", **terminal)
    pty.type("안녕" + ENTER)
    pty.wait_for_printed("봇 › 정말 좋아 정말")
    return pty


def lines_of(pty: Pty) -> list[str]:
    return pty.text.split("\n")[1:]  # without the welcome


def without_spaces(text: str) -> str:
    """Text that the terminal may have broken into lines anywhere."""
    return "".join(text.split())


def test_a_conversation(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        assert pty.text.split("\n")[0] == "tinychat · models/dialogue · /help 도움말 · Ctrl-D 끝내기"
        for n, line in enumerate(("안녕", "잘 자", "/undo"), start=2):
            pty.type(line + ENTER)
            pty.wait_until(lambda n=n: lines_of(pty).count("나 ›") == 1 and pty.text.count("나 ›") == n)
        assert lines_of(pty) == [
            "나 › 안녕",
            f"봇 › {GREETS}",
            "나 › 잘 자",
            f"봇 › {GREETS}",
            "나 › /undo",
            "(없던 일로: 잘 자)",
            "나 ›",
        ]
        pty.type(CTRL_D)
        assert pty.wait_for_end() == 0
        assert pty.is_in_order


@pytest.mark.slow
def test_a_conversation_in_english(talking_project: Path) -> None:
    with Pty(*tinychat("chat"), cwd=talking_project, env={"TINYCHAT_LANGUAGE": "en"}) as pty:
        pty.wait_for_line("you ›")
        assert pty.text.split("\n")[0] == "tinychat · models/dialogue · /help for help · Ctrl-D to leave"
        for line in ("안녕", "/help", "/rset", "/undo", "/why"):
            pty.type(line + ENTER)
        pty.wait_for("(taken back: 안녕)")
        pty.wait_for("error: there is no reply yet to explain")
        assert "error: /rset is not a command; did you mean /reset?" in pty.text
        assert not re.search("[가-힣]", pty.text.replace("안녕", "").replace(GREETS, ""))


def test_hangul_goes_both_ways_in_a_plain_locale(talking_project: Path) -> None:
    with conversation(talking_project, env={"LANG": "C", "LC_ALL": "C"}) as pty:
        pty.type("안녕" + ENTER)
        pty.wait_for(f"나 › 안녕\n봇 › {GREETS}\n나 ›")


@pytest.mark.slow
def test_backspace_takes_a_syllable_away(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type("안녕")
        pty.wait_for_line("나 › 안녕")
        assert pty.column == 9
        pty.type(BACKSPACE)
        pty.wait_for_line("나 › 안")
        assert pty.column == 7


@pytest.mark.parametrize("character", [DECOMPOSED, FAMILY, "👍🏽", "🇰🇷", "e\u0301"])
@pytest.mark.slow
def test_backspace_takes_away_whole_what_looks_like_one_character(talking_project: Path, character: str) -> None:
    with conversation(talking_project) as pty:
        pty.type(f"가{character}")
        pty.wait_until(lambda: len(pty.line) > len("나 › 가"))
        pty.type(BACKSPACE)
        pty.wait_for_line("나 › 가")


@pytest.mark.slow
def test_a_decomposed_syllable_becomes_one_character(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        for letter in DECOMPOSED:
            pty.type(letter)
        pty.wait_for_line("나 › 한")
        pty.type(LEFT + f"가{DECOMPOSED}나" + BACKSPACE)
        pty.wait_for_line("나 › 가한한")
        assert pty.column == 9


@pytest.mark.slow
def test_the_arrows_move_by_syllables_and_text_enters_where_the_cursor_is(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type("안하세요")
        pty.wait_until(lambda: pty.column == 13)
        pty.type(LEFT * 3)
        pty.wait_until(lambda: pty.column == 7)
        pty.type("녕")
        pty.wait_for_line("나 › 안녕하세요")
        assert pty.column == 9
        pty.type(RIGHT * 3 + "!")
        pty.wait_for_line("나 › 안녕하세요!")


@pytest.mark.slow
def test_an_arrow_passes_over_a_joined_emoji_at_once(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type(f"가{FAMILY}")
        pty.wait_until(lambda: pty.column > 7)
        pty.type(LEFT + "나")
        pty.wait_until(lambda: pty.line.startswith("나 › 가나") and pty.column == 9)
        pty.type(RIGHT + "다")
        pty.wait_until(lambda: pty.line.endswith("다"))


@pytest.mark.slow
def test_delete_takes_away_whole_what_looks_like_one_character(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type(f"가{FAMILY}나")
        pty.wait_until(lambda: pty.line.endswith("나"))
        pty.type(HOME + RIGHT + DELETE)
        pty.wait_for_line("나 › 가나")


@pytest.mark.slow
def test_the_up_arrow_brings_an_earlier_line_back(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type("안녕" + ENTER)
        pty.wait_until(lambda: pty.text.count("나 ›") == 2)
        pty.type(UP + BACKSPACE)
        pty.wait_for_line("나 › 안")


@pytest.mark.slow
def test_a_line_wider_than_the_terminal_is_seen_whole(talking_project: Path) -> None:
    with conversation(talking_project, columns=20) as pty:
        line = "가나다라마바사아자차카타파하"
        pty.type(line)
        pty.wait_until(lambda: pty.text.replace("\n", "").endswith(line))
        pty.type(BACKSPACE * 12)
        pty.wait_until(lambda: pty.text.replace("\n", "").endswith("나 › 가나"))


@pytest.mark.slow
def test_what_is_pasted_in_several_lines_is_one_message(talking_project: Path, tmp_path: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type("\x1b[200~안녕\n잘 자\x1b[201~")
        pty.wait_for("잘 자")
        pty.type(ENTER)
        pty.wait_for(f"봇 › {GREETS}")
        pty.type(f"/save {tmp_path / 'a'}" + ENTER)
        pty.wait_until(lambda: "1번)" in without_spaces(pty.text))
    (record,) = saved_dialogues(tmp_path / "a.jsonl")
    assert record["messages"][0]["content"] == "안녕\n잘 자"


@pytest.mark.parametrize(
    "pasted", ["\x1b[31m", "\x1b[1;31m", "\x1b[5M", "\x1b[<;;M", "\x1b[M\x01\x02\x03", "\x1b[3;4R"]
)
@pytest.mark.slow
def test_an_escape_sequence_that_is_pasted_as_if_it_was_typed_is_text(talking_project: Path, pasted: str) -> None:
    with conversation(talking_project) as pty:
        pty.type(f"{pasted}안녕{ENTER}")
        pty.wait_for(f"봇 › {GREETS}\n나 ›")
        assert not re.search("Traceback|Exception|Unhandled", pty.text)
        assert "안녕" in pty.text.split("\n")[1]


@pytest.mark.slow
def test_ctrl_c_clears_the_line_and_on_an_empty_one_tells_how_to_leave(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type("안녕")
        pty.wait_for_line("나 › 안녕")
        pty.type(CTRL_C)
        pty.wait_for_line("나 ›")
        assert "Ctrl-D" not in pty.text.split("\n", 1)[1]
        pty.type(CTRL_C)
        pty.wait_for("끝내려면 Ctrl-D\n나 ›")


@pytest.mark.slow
def test_ctrl_c_leaves_a_search_in_the_history(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type("안녕" + ENTER)
        pty.wait_until(lambda: pty.text.count("나 ›") == 2)
        pty.type(CTRL_R + "안")
        pty.wait_for("(reverse-i-search)`안': 안녕")
        pty.type(CTRL_C)
        pty.wait_for_line("나 ›")


@pytest.mark.slow
def test_ctrl_c_stops_the_reply_and_not_the_program(talking_project: Path, tmp_path: Path) -> None:
    with long_reply(talking_project) as pty:
        pty.type(CTRL_C)
        pty.wait_until(lambda: "…(멈춤)" in without_spaces(pty.text))
        pty.wait_for_line("나 ›")
        pty.type(f"/save {tmp_path / 'a'}" + ENTER)
        pty.wait_until(lambda: "weight0)" in without_spaces(pty.text))
        (record,) = saved_dialogues(tmp_path / "a.jsonl")
        reply = record["messages"][1]
        assert reply["weight"] == 0
        assert f"{without_spaces(reply['content'])[-200:]}…(멈춤)나›" in without_spaces(pty.text)
        pty.type(CTRL_D)
        assert pty.wait_for_end() == 0
        assert pty.is_in_order


@pytest.mark.slow
def test_keys_pressed_during_a_reply_are_kept_for_the_next_line(talking_project: Path) -> None:
    with conversation(talking_project, "--model", "models/endless", "--max-tokens", "1500") as pty:
        pty.type("안녕" + ENTER)
        pty.wait_for_printed("봇 › 정말 좋아")
        pty.type("잘 자")
        pty.wait_until(lambda: "(길이제한)" in without_spaces(pty.text))
        pty.wait_for_line("나 › 잘 자")
        assert pty.text.count("잘 자") == 1


@pytest.mark.slow
def test_a_resize_while_typing_keeps_the_line(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type("안녕하세요 여러분 안녕")
        pty.wait_for_line("나 › 안녕하세요 여러분 안녕")
        pty.resize(24, 16)
        pty.wait_until(lambda: without_spaces(pty.text).endswith("나›안녕하세요여러분안녕"))
        pty.type("!")
        pty.wait_until(lambda: without_spaces(pty.text).endswith("나›안녕하세요여러분안녕!"))
        assert pty.text.count("나 ›") == 1
        pty.resize(24, 80)
        pty.wait_for_line("나 › 안녕하세요 여러분 안녕!")
        pty.type(ENTER)
        pty.wait_for(f"봇 › {GREETS}")


@pytest.mark.slow
def test_a_resize_while_the_bot_replies_disturbs_nothing(talking_project: Path) -> None:
    with long_reply(talking_project) as pty:
        pty.resize(10, 40)
        before = len(pty.raw)
        pty.wait_until(lambda: len(pty.raw) > before + 1000)
        assert re.fullmatch("[정말좋아 ]+", pty.raw[before:].decode("utf-8", "ignore"))
        pty.type(CTRL_C)
        pty.wait_for_line("나 ›")
        pty.type("가나다라마바사아자차카타파하가나다라")
        pty.wait_for("가나다라마바사아자차카타파하가나다\n라")


@pytest.mark.slow
def test_why_fits_into_the_terminal(talking_project: Path) -> None:
    with conversation(talking_project, columns=40) as pty:
        pty.type("안녕" + ENTER)
        pty.wait_for(f"봇 › {GREETS}")
        pty.type("/why" + ENTER)
        pty.wait_for("100%  안녕 → 만나서 반가워요")
        assert re.search("\n  토큰       확률  다른 후보\n  만나서    72.3%  .*…\n  반가워요  72.3%  .*…\n", pty.text)


@pytest.mark.slow
def test_a_terminal_that_cannot_move_its_cursor_gets_no_escape_sequence(talking_project: Path) -> None:
    with conversation(talking_project, env={"TERM": "dumb"}) as pty:
        pty.type("안녕" + ENTER)
        pty.wait_for(f"봇 › {GREETS}\n나 ›")
        pty.type("/rset" + ENTER)
        pty.wait_for("오류: /rset: 없는 명령입니다. /reset 말인가요?")
        pty.type(CTRL_C)
        pty.wait_for("끝내려면 Ctrl-D\n나 ›")
        pty.type(CTRL_D)
        assert pty.wait_for_end() == 0
        assert b"\x1b" not in pty.raw


@pytest.mark.slow
def test_bytes_that_are_no_characters_are_an_error_there_too(talking_project: Path) -> None:
    with conversation(talking_project, env={"TERM": "dumb", "PYTHONIOENCODING": "utf-8:strict"}) as pty:
        pty.type("\udcbe\udcc8" + ENTER)
        pty.wait_for("오류: 이 터미널의 인코딩으로 읽을 수 없는 바이트")
        pty.wait_for_line("나 ›")


@pytest.mark.slow
def test_ctrl_c_stops_a_reply_there_too(talking_project: Path) -> None:
    with long_reply(talking_project, env={"TERM": "dumb"}) as pty:
        pty.type(CTRL_C)
        pty.wait_until(lambda: "…(멈춤)" in without_spaces(pty.text))
        pty.wait_for_line("나 ›")


@pytest.mark.slow
def test_no_color_leaves_colours_and_dimness_out(talking_project: Path) -> None:
    with conversation(talking_project, env={"NO_COLOR": "1"}) as pty:
        pty.type("안녕" + ENTER)
        pty.wait_for(f"봇 › {GREETS}\n나 ›")
        pty.type("/seed 3" + ENTER)
        pty.wait_for("(온도 1, 시드 3 · 다시 greedy로: /temperature 0)")
        pty.type(CTRL_D)
        assert pty.wait_for_end() == 0
        assert set(re.findall(rb"\x1b\[[\d;]*m", pty.raw)) <= {b"\x1b[0m", b"\x1b[m"}


@pytest.mark.slow
def test_the_terminal_is_asked_nothing_that_it_may_not_answer(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        pty.type("안녕" + ENTER)
        pty.wait_for(f"봇 › {GREETS}\n나 ›")
        assert b"\x1b[6n" not in pty.raw


@pytest.mark.slow
def test_with_colours_what_is_aside_is_dim(talking_project: Path) -> None:
    with conversation(talking_project) as pty:
        assert b"\x1b[2mtinychat" in pty.raw


@pytest.mark.slow
def test_sigterm_ends_a_reply_quietly_and_leaves_the_terminal_in_order(talking_project: Path) -> None:
    with long_reply(talking_project) as pty:
        pty.child.kill(signal.SIGTERM)
        assert pty.wait_for_end() == 128 + signal.SIGTERM
        assert pty.is_in_order
        assert not re.search("오류|error|Traceback|Exception", pty.text)


@pytest.mark.parametrize("typed", ["", "안녕"])
@pytest.mark.slow
def test_sigterm_ends_quietly_whenever_it_comes_while_a_line_is_typed(talking_project: Path, typed: str) -> None:
    for _ in range(3):  # as soon as the prompt is seen, prompt_toolkit is still busy, and an exception would tear it
        with conversation(talking_project) as pty:
            pty.type(typed)
            pty.child.kill(signal.SIGTERM)
            assert pty.wait_for_end() == 128 + signal.SIGTERM
            assert pty.is_in_order
            assert not re.search("오류|error|Traceback|Exception", pty.text)


@pytest.mark.slow
def test_replies_alone_go_into_a_file_where_the_output_does(talking_project: Path, tmp_path: Path) -> None:
    command = " ".join(tinychat("chat"))
    with Pty("sh", "-c", f"{command} > {tmp_path / 'replies'}", cwd=talking_project) as pty:
        pty.wait_for_line("나 ›")
        pty.type("안녕" + ENTER)
        pty.wait_until(lambda: pty.text.count("나 ›") == 2)
        pty.type(CTRL_D)
        assert pty.wait_for_end() == 0
    assert (tmp_path / "replies").read_bytes() == f"{GREETS}\n".encode()


def test_one_reply_at_a_terminal_is_the_reply_alone(talking_project: Path) -> None:
    with Pty(*tinychat("chat", "안녕"), cwd=talking_project) as pty:
        assert pty.wait_for_end() == 0
        assert pty.raw == f"{GREETS}\r\n".encode()


@pytest.mark.parametrize(("number", "status", "printed"), [(signal.SIGINT, 130, "\n멈춤"), (signal.SIGTERM, 143, "")])
@pytest.mark.slow
def test_a_signal_ends_a_single_reply(talking_project: Path, number: signal.Signals, status: int, printed: str) -> None:
    command = tinychat("chat", "안녕", "--model", "models/endless", "--max-tokens", "19000")
    with Pty(*command, cwd=talking_project) as pty:
        pty.wait_for("정말 좋아")
        pty.child.kill(number)
        assert pty.wait_for_end() == status
        assert re.fullmatch(f"[정말좋아 \n]*[정말좋아]{printed}", pty.text)


def test_a_conversation_needs_no_torch(talking_project: Path) -> None:
    code = "import sys; from tinychat.cli import main; main(); print('torch' in sys.modules, 'rich' in sys.modules)"
    with Pty(sys.executable, "-c", code, "chat", cwd=talking_project) as pty:
        pty.wait_for_line("나 ›")
        pty.type("안녕" + ENTER + "/why" + ENTER + "/quit" + ENTER)
        pty.wait_for("\nFalse False")


@pytest.mark.slow
def test_the_time_to_the_first_reply_is_shown_once(talking_project: Path) -> None:
    with conversation(talking_project, "--timing", rows=50) as pty:
        for n in (2, 3):
            pty.type("안녕" + ENTER)
            pty.wait_until(lambda n=n: pty.text.count("나 ›") == n)
        assert pty.text.count("first piece of the reply") == 1
