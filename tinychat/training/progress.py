"""Progress output of training: a bar in a terminal, plain lines elsewhere, such as under DVC."""

import time
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tinychat.printing import say, visible

SECONDS_BETWEEN_LINES = 20.0  # without a terminal


class Display(Protocol):
    """Where the training loop reports its progress."""

    def step(self, tokens: int, loss: float) -> None:
        """One batch of `tokens` tokens, padding included, is done."""

    def line(self, text: str) -> None:
        """Print a line."""


class TrainingDisplay:
    """A progress bar with loss, tokens/s and time left where stderr is a terminal; else lines only."""

    def __init__(self, total_steps: int, done_steps: int = 0, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TextColumn("{task.fields[speed]:,.0f} tokens/s"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("training", total=total_steps, completed=done_steps, loss=0.0, speed=0.0)
        self._last = time.perf_counter()
        self._seconds = 0.0  # of training steps, validation not counted
        self._tokens = 0
        self._done, self._steps, self._total = done_steps, 0, total_steps
        self._last_printed = self._last  # when the last line was printed

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step(self, tokens: int, loss: float) -> None:
        now = time.perf_counter()
        self._seconds += now - self._last
        self._last = now
        self._tokens += tokens
        self._done, self._steps = self._done + 1, self._steps + 1
        self._bar.update(self._task, advance=1, loss=loss, speed=self.speed)
        if not self._console.is_terminal and now - self._last_printed >= SECONDS_BETWEEN_LINES:
            left = timedelta(seconds=round((self._total - self._done) * self._seconds / self._steps))
            self.line(f"step {self._done}/{self._total}  loss {loss:.4f}  {left} left")

    @property
    def speed(self) -> float:
        """Tokens per second in training steps, padding included."""
        return self._tokens / max(1e-9, self._seconds)

    def line(self, text: str) -> None:
        text = f"{text}  {self.speed:,.0f} tokens/s" if self._tokens else text
        if self._console.is_terminal:
            self._console.print(visible(text), highlight=False, markup=False)
        else:
            say(text)
        self._last = self._last_printed = time.perf_counter()
