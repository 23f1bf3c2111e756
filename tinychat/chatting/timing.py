"""Where the time to the first reply goes."""

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinychat.bot import Bot


class Stopwatch:
    """Phases in their order, each with its seconds."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, float]] = [("python starts", process_age())]
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """The time since the last lap was spent on `phase`."""
        self.phases.append((phase, self.skip()))

    def skip(self) -> float:
        """The time since the last lap, which is counted to no phase."""
        before, self._last = self._last, time.perf_counter()
        return self._last - before

    def during(self, pieces: Iterable[str]) -> Iterator[str]:
        """The pieces of a reply, as they come; laps at the first one and at the end."""
        first = True
        for piece in pieces:
            if first:
                self.lap("first piece of the reply")
                first = False
            yield piece
        self.lap("rest of the reply" if not first else "reply without text")

    def table(self) -> str:
        """A line for each phase, in milliseconds, and their sum."""
        rows = [*self.phases, ("together", sum(seconds for _, seconds in self.phases))]
        widest = max(len(phase) for phase, _ in rows)
        return "\n".join(f"{phase:<{widest}}  {1000 * seconds:7.1f} ms" for phase, seconds in rows)


def process_age() -> float:
    """Seconds since this process was started; on Linux to a hundredth, elsewhere its CPU time, a little less."""
    if sys.platform == "linux":
        try:
            # The 20th field after the name, which may hold anything: proc_pid_stat(5)
            started = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
            return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK"))
        except (OSError, ValueError, IndexError):
            pass  # not Linux's own /proc
    return time.process_time()


def load_in_phases(folder: Path, stopwatch: Stopwatch) -> "Bot":
    """The bot, as a chat loads it; laps for what that takes. Raises InputError as `tinychat.load` does."""
    from tinychat.bot import load
    from tinychat.runtime import choose_decoder
    from tinychat.tokenizer import load_tokenizer

    with contextlib.suppress(ModuleNotFoundError):  # of torch: `load` raises the error
        kind = choose_decoder()
        importlib.import_module(f"tinychat.generation.{'native' if kind == 'auto' else kind}_decoder")
    stopwatch.lap("imports")
    bot = load(folder, batch_size=1, safety=False)
    loading = stopwatch.skip()
    # `load` does not report its parts, so the first one is timed again.
    load_tokenizer(folder)
    reading = min(loading, stopwatch.skip())
    stopwatch.phases += [("tokenizer", reading), ("weights", loading - reading)]
    return bot
