"""Progress of a stage over many rows: a bar in a terminal, a line now and then elsewhere, such as under DVC."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tinychat.printing import say

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 20.0  # without a terminal
SECONDS_BEFORE_BAR = 1.0  # in a terminal: what is over sooner needs none


class RowProgress:
    """Rows so far, rows/s and the time left, which follows from the share of the bytes that are done."""

    def __init__(self, title: str, total_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._total, self._clock = title, max(1, total_bytes), clock
        self._begun = self._printed = clock()
        self._rows = self._bytes = 0
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, rows: int, n_bytes: int) -> None:
        """So many more rows are done, which were so many bytes."""
        self._rows += rows
        self._bytes += n_bytes
        now = self._clock()
        if sys.stderr.isatty():
            if now - self._begun >= SECONDS_BEFORE_BAR:
                self._show_bar(now)
        elif now - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = now
            say(self._line(now))

    def _line(self, now: float) -> str:
        seconds = now - self._begun
        left = timedelta(seconds=round(seconds * (self._total - self._bytes) / max(1, self._bytes)))
        share = self._bytes / self._total
        return f"{self._title}: {self._rows:,} rows ({share:.0%}), {self._speed(now):,.0f} rows/s, {left} left"

    def _speed(self, now: float) -> float:
        return self._rows / max(1e-9, now - self._begun)

    def _show_bar(self, now: float) -> None:
        if self._bar is None:
            self._bar = _bar()
            self._bar.add_task(self._title, total=self._total, speed="")
            self._bar.start()
        speed = f"{self._rows:,} rows  {self._speed(now):,.0f} rows/s"
        self._bar.update(self._bar.task_ids[0], completed=self._bytes, speed=speed)


def _bar() -> "Progress":
    """Imported only here: a stage over little data does not wait for it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
