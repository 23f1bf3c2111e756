"""Ctrl-C and SIGTERM stop the training after the current step."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from tinychat.printing import say


class StopSignals:
    """While this context lasts, the first Ctrl-C or SIGTERM only sets `requested`; a second one stops at once."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        say("\nstopping after this step; once more stops at once", stderr=True)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
