"""A real pseudo-terminal with a screen: what is typed into it, and what a person would see in it."""

import os
import re
import signal
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import pexpect
import pyte

PATIENCE = 600.0  # seconds until a test gives up waiting: only a hanging test ever sees them
REPO = Path(__file__).parents[2]

ENTER, BACKSPACE, DELETE, HOME = "\r", "\x7f", "\x1b[3~", "\x1b[H"
LEFT, RIGHT, UP = "\x1b[D", "\x1b[C", "\x1b[A"
CTRL_C, CTRL_D, CTRL_R = "\x03", "\x04", "\x12"


class Pty:
    """A command in a pseudo-terminal."""

    def __init__(
        self, *command: str, cwd: Path, rows: int = 24, columns: int = 80, env: Mapping[str, str] | None = None
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self.child = pexpect.spawn(
            command[0],
            [*command[1:]],
            cwd=str(cwd),
            env=environment(env),
            dimensions=(rows, columns),
            timeout=None,
            # A test run in the background ignores Ctrl-C, and what it starts would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.child.delaybeforesend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.child.close(force=True)

    def type(self, text: str) -> None:
        """Press the keys of `text`."""
        self.child.send(text.encode("utf-8", "surrogateescape"))

    def resize(self, rows: int, columns: int) -> None:
        """The person pulls at the window."""
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    @property
    def text(self) -> str:
        """The screen, without what is empty at the ends. A wide character stands once."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    @property
    def printed(self) -> str:
        """All that was printed, scrolled away or not, without what colours it or moves the cursor."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw.decode("utf-8", "replace"))

    @property
    def line(self) -> str:
        """The line of the cursor."""
        return self.screen.display[self.screen.cursor.y].rstrip()

    @property
    def column(self) -> int:
        """Where the cursor stands in its line, from 0 on."""
        return self.screen.cursor.x

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Read what the command prints until the screen is as wanted."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if not self._read() or time.monotonic() > deadline:
                raise AssertionError(f"the screen never came to it:\n{self.text}\n{self.raw!r}")

    def wait_for(self, text: str) -> None:
        """Read until `text` stands on the screen."""
        self.wait_until(lambda: text in self.text)

    def wait_for_printed(self, text: str) -> None:
        """Read until `text` was printed: a fast reply may have moved its beginning off the screen already."""
        self.wait_until(lambda: text in self.printed)

    def wait_for_line(self, text: str) -> None:
        """Read until the cursor's line is `text`."""
        self.wait_until(lambda: self.line == text)

    def wait_for_end(self) -> int:
        """Read until the command ends; its exit status as a shell gives it."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < deadline, f"it does not end:\n{self.text}"
        self.child.wait()
        return self.child.exitstatus if self.child.exitstatus is not None else 128 + self.child.signalstatus

    @property
    def is_in_order(self) -> bool:
        """Whether the terminal is as a shell wants it: it shows what is typed, by lines, and pastes are only text."""
        echoes_lines = termios.ECHO | termios.ICANON | termios.ISIG
        in_order = termios.tcgetattr(self.child.child_fd)[3] & echoes_lines == echoes_lines
        return in_order and self._is_off("?2004") and not self._is_off("?25")

    def _is_off(self, mode: str) -> bool:
        """Whether the last that the command said of a mode was to turn it off."""
        return self.raw.rfind(f"\x1b[{mode}l".encode()) >= self.raw.rfind(f"\x1b[{mode}h".encode()) > -1

    def _read(self) -> bool:
        """Whether there may be more."""
        try:
            data = self.child.read_nonblocking(65536, timeout=1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        return True


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process' environment for a child in a terminal that knows colours."""
    unwanted = re.compile("TINYCHAT_|LC_|LANG|NO_COLOR|PYTHONIO|COLUMNS|LINES")
    kept = {name: value for name, value in os.environ.items() if not unwanted.match(name)}
    return (
        kept
        | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TINYCHAT_LANGUAGE": "ko", "PYTHONPATH": str(REPO)}
        | dict(changes or {})
    )


def tinychat(*arguments: str) -> tuple[str, ...]:
    """The command line of `tinychat`."""
    return (sys.executable, "-m", "tinychat", *arguments)
