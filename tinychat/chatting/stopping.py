"""Signals of a person who has had enough: Ctrl-C for a reply, SIGTERM for the program."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

EXIT_TERMINATED = 128 + 15  # what a shell reports for a process that SIGTERM ended


@contextlib.contextmanager
def ctrl_c_asks() -> Iterator[Callable[[], bool]]:
    """While this lasts, Ctrl-C only makes what is yielded say True; pressed once more, it raises KeyboardInterrupt.

    So the model is not torn out of a step, and yet a step that takes long can be left.
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
    """End the program quietly, by an exception, so that whoever changed the terminal changes it back."""
    sys.exit(EXIT_TERMINATED)


@contextlib.contextmanager
def on_sigterm(act: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """While this lasts, SIGTERM calls `act`."""
    before = signal.signal(signal.SIGTERM, act)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
