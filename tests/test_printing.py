"""What is printed: no character that a terminal obeys, no endless line, and nothing that passes this by."""

import ast
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tinychat.printing import MAX_LINE_CHARACTERS, printable, say, visible


def test_an_escape_sequence_is_seen_and_not_obeyed() -> None:
    assert visible("\x1b[31m빨강\x1b]0;제목\x07") == "␛[31m빨강␛]0;제목␇"


def test_no_control_character_is_left_but_the_line_break() -> None:
    text = "".join(map(chr, range(0x110000)))
    left = {
        char for char in visible(text) if unicodedata.category(char) in ("Cc", "Cs") or char in "\u202e\u2066\u200f"
    }
    assert left == {"\n"}


def test_each_character_has_one_in_its_place_so_that_pieces_may_be_shown_one_by_one() -> None:
    text = "\x00안\t녕\r\n\x7f\x85\u202e"
    assert visible(text) == "".join(map(visible, text))
    assert len(visible(text)) == len(text)


@pytest.mark.parametrize("text", ["안녕 ㅋㅋ", "각", "👨‍👩‍👧 👍🏽 🇰🇷 ❤️", "a\nb", "़ क्षि"])
def test_what_a_person_writes_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_tab_is_a_space_so_that_columns_can_be_counted() -> None:
    assert visible("a\tb") == "a b"


def test_a_line_that_is_too_long_loses_its_middle_and_says_how_much() -> None:
    line = "a" * 3000 + "b" * 1_000_000 + "c" * 500
    assert printable(f"first\n{line}\nlast") == f"first\n{'a' * 3000} … 1,000,000 characters … {'c' * 500}\nlast"
    assert printable("a" * MAX_LINE_CHARACTERS) == "a" * MAX_LINE_CHARACTERS


def test_texts_are_said_on_stdout_or_aside(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b", [1])
    say("b\u202e", stderr=True)
    assert capsys.readouterr() == ("a␛ [1]\n", "b\ufffd\n")


@pytest.mark.slow
@pytest.mark.parametrize("error", ["InputError", "Interrupted", "OSError"])
def test_the_error_that_ends_a_stage_is_printed_so(repo: Path, error: str) -> None:
    code = (
        "from tinychat.language.exit import *\n"
        "def run(): raise " + error + "(f'data.csv:1: found {chr(27)}]0;title{chr(7)}' + 'x' * 40_000_000)\n"
        "run_and_exit(run)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, encoding="utf-8")
    assert "data.csv:1: found ␛]0;title␇xxx" in ended.stderr
    assert len(ended.stderr) < 5000
    assert ended.stderr.count("\n") == 1


RAW = ("print", "sys.stdout.write", "sys.stderr.write")


def raw_prints(source: str) -> list[int]:
    """The lines that print without `say`."""
    names = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name | ast.Attribute))
    return [node.lineno for node in names if ast.unparse(node) in RAW]


@pytest.mark.slow
def test_nothing_prints_but_by_say(repo: Path) -> None:
    files = [path for folder in ("tinychat", "stages", "examples") for path in (repo / folder).rglob("*.py")]
    found = {
        path.relative_to(repo).as_posix(): lines
        for path in sorted(files)
        if (lines := raw_prints(path.read_text(encoding="utf-8")))
    }
    assert list(found) == ["tinychat/printing.py"]
    assert len(found["tinychat/printing.py"]) == 1
    assert raw_prints("def f(p=print): p(1)\nsys.stderr.write(x)") == [1, 2]
