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


class CtrlC:
    """Ctrl-C as a KeyboardInterrupt where it is allowed; one that comes elsewhere waits until it is.

    So a Ctrl-C between an answer and the next prompt does not end the program.
    """

    def __init__(self) -> None:
        self._allowed = False
        self._waits = False

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Within this context, SIGINT is this object's."""
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Within this context, Ctrl-C raises KeyboardInterrupt; on entry, one that waits does."""
        if self._waits:
            self._waits = False
            raise KeyboardInterrupt
        self._allowed = True
        try:
            yield
        finally:
            self._allowed = False

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._allowed:
            self._allowed = False
            raise KeyboardInterrupt
        self._waits = True


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
