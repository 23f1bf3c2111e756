"""Signals: Ctrl-C stops a reply, SIGTERM the program."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

EXIT_TERMINATED = 128 + 15  # what a shell reports for a process that SIGTERM ended


@contextlib.contextmanager
def ctrl_c_requests_stop() -> Iterator[Callable[[], bool]]:
    """Within this context, Ctrl-C makes the yielded function return True; a second one raises KeyboardInterrupt.

    So a step of the model is not interrupted, unless it takes too long for the person.
    """
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def end_on_sigterm(number: int, frame: FrameType | None) -> None:
    """End the program by SystemExit, so that the terminal's settings are restored."""
    sys.exit(EXIT_TERMINATED)


@contextlib.contextmanager
def on_sigterm(act: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within this context, SIGTERM calls `act`."""
    before = signal.signal(signal.SIGTERM, act)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
