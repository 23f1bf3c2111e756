import subprocess
import sys

from tinychat.safety.help import HELP, help_in_danger


def test_a_person_in_danger_is_told_whom_to_call() -> None:
    said = help_in_danger("죽고 싶어")
    assert said == HELP
    assert [number for number in ("109", "1577-0199", "1388", "112", "119", "마들랜") if number not in said] == []


def test_everything_else_is_left_to_the_model() -> None:
    assert help_in_danger("배고파 죽겠다") is None


def test_who_writes_english_gets_a_line_in_english_too() -> None:
    said = help_in_danger("I want to die")
    assert said is not None
    assert said.startswith(HELP) and "findahelpline.com" in said


def test_laughing_in_korean_behind_english_is_korean() -> None:
    assert help_in_danger("I want to die ㅋㅋ") == HELP


def test_it_needs_no_package() -> None:
    code = (
        "import sys; from tinychat.safety.help import help_in_danger; assert help_in_danger('죽고 싶어'); "
        "sys.exit(any(name in sys.modules for name in ('numpy', 'torch', 'yaml', 'tokenizers', 'tinychat.generation')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
