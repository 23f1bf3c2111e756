import io
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from tinychat.training.progress import TrainingDisplay


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes rich see a terminal where there is none, or none where there is one."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_shows_a_bar_with_loss_speed_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    screen = io.StringIO()
    with TrainingDisplay(100, console=Console(force_terminal=True, file=screen, width=120)) as display:
        for _ in range(25):
            display.step(64, 1.234)
        display.line("epoch 1/4  loss 1.5000")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())  # without colours and movements
    assert re.search(r"training .* 25% loss 1\.234 [\d,]+ tokens/s \d+:\d\d:\d\d", shown)
    assert re.search(r"\repoch 1/4  loss 1\.5000  [\d,]+ tokens/s *\n", shown)
    assert capsys.readouterr() == ("", "")


def test_a_run_that_goes_on_begins_where_it_was() -> None:
    screen = io.StringIO()
    with TrainingDisplay(100, done_steps=50, console=Console(force_terminal=True, file=screen, width=120)) as display:
        display.step(64, 1.0)
    assert "51%" in screen.getvalue()


def test_without_a_terminal_there_are_plain_lines_on_stdout_only(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingDisplay(4) as display:
        for _ in range(4):
            display.step(64, 1.234)
        display.line("epoch 1/4  loss 1.5000")
    out, err = capsys.readouterr()
    assert re.fullmatch(r"epoch 1/4  loss 1\.5000  [\d,]+ tokens/s\n", out)
    assert err == ""


def test_without_a_terminal_a_line_now_and_then_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 21.0, 21.0, 22.0])  # at the start, after each step, and after the line
    monkeypatch.setattr("tinychat.training.progress.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    with TrainingDisplay(100, done_steps=50) as display:
        display.step(64, 1.0)
        display.step(64, 1.234)
        display.step(64, 1.0)
    out, err = capsys.readouterr()
    assert out == "step 52/100  loss 1.2340  0:08:24 left  6 tokens/s\n"
    assert err == ""


def test_without_a_step_there_is_no_speed_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingDisplay(4) as display:
        display.line("epoch 1/4")
    assert capsys.readouterr().out == "epoch 1/4\n"
