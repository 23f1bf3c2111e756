import pytest

from tinychat.row_progress import RowProgress


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_a_line_now_and_then_tells_rows_their_speed_and_the_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    with RowProgress("prepare_data", 1000, clock) as progress:
        for _ in range(8):
            clock.now += 10
            progress.advance(5000, 100)
    assert capsys.readouterr().out.splitlines() == [
        "prepare_data: 10,000 rows (20%), 500 rows/s, 0:01:20 left",
        "prepare_data: 20,000 rows (40%), 500 rows/s, 0:01:00 left",
        "prepare_data: 30,000 rows (60%), 500 rows/s, 0:00:40 left",
        "prepare_data: 40,000 rows (80%), 500 rows/s, 0:00:20 left",
    ]


def test_what_is_over_at_once_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with RowProgress("prepare_data", 0) as progress:
        progress.advance(5000, 100)
    assert capsys.readouterr() == ("", "")


def test_in_a_terminal_a_bar_shows_them(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with RowProgress("build_vocab", 1000, clock) as progress:
        for _ in range(4):
            clock.now += 10
            progress.advance(5000, 100)
    out, shown = capsys.readouterr()
    assert out == ""
    assert "build_vocab" in shown
    assert "20,000 rows  500 rows/s" in shown
