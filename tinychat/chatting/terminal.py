"""Prints a conversation, and reads lines without line editing."""

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from tinychat.chatting.visible import columns_of
from tinychat.errors import InputError
from tinychat.language.choosing import Language, Words, choose_language, error_text, words_of
from tinychat.printing import printable, visible

DIM, CYAN, PLAIN = "\x1b[2m", "\x1b[1;36m", "\x1b[0m"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream exists and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def has_line_editing(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal can move its cursor."""
    dumb = environment.get("TERM", "").lower() in ("dumb", "unknown")
    return is_terminal(sys.stdin) and is_terminal(sys.stdout) and not dumb


def has_colour(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to print escape sequences for colour (no-color.org)."""
    # A Windows console needs to be set up for them first.
    return has_line_editing(environment) and not environment.get("NO_COLOR") and sys.platform != "win32"


@dataclass
class Screen:
    """Prints a conversation: replies to `replies`, all else to `notes`; they differ where stdout is redirected."""

    replies: TextIO
    notes: TextIO
    colour: bool = False
    language: Language = field(default_factory=choose_language)

    @property
    def words(self) -> Words:
        """Texts in the person's language."""
        return words_of(self.language)

    @property
    def columns(self) -> int:
        """The width of the terminal now."""
        return shutil.get_terminal_size().columns

    def begin_reply(self) -> None:
        """The bot's prompt."""
        self._print(self.notes, self._styled(CYAN, self.words("bot_prompt")))

    def piece(self, text: str) -> None:
        """More of the reply; further lines are indented like the first."""
        if self.replies is self.notes:
            text = visible(text).replace("\n", "\n" + " " * columns_of(self.words("bot_prompt")))
        self._print(self.replies, text)

    def end_reply(self, mark: str = "") -> None:
        """The end of the reply, and a remark on it."""
        if mark and self.replies is self.notes:
            self._print(self.replies, self._styled(DIM, mark))
        self._print(self.replies, "\n")
        if self.replies is not self.notes:
            self.note(mark.strip())

    def line(self, text: str = "") -> None:
        """A line of output that the person asked for."""
        self._print(self.notes, visible(text) + "\n")

    def note(self, text: str) -> None:
        """A dimmed line."""
        self._print(self.notes, self._styled(DIM, visible(text)) + "\n")

    def error(self, error: InputError) -> None:
        """A line with an error."""
        self.line(printable(error_text(error, self.language)))

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self.colour else text

    @staticmethod
    def _print(stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()


class LineReader(Protocol):
    """Where the person's lines come from."""

    def read(self) -> str:
        """The next line. Raises EOFError where there is none, KeyboardInterrupt for Ctrl-C where nothing was typed."""

    def session(self) -> contextlib.AbstractContextManager[None]:
        """Within this context, what is typed while no line is read is kept for the next line, and not echoed."""


class PlainLineReader:
    """Lines from the terminal itself, without escape sequences and without editing of our own."""

    def __init__(self, stream: TextIO, notes: TextIO, prompt: str) -> None:
        self._stream, self._notes, self._prompt = stream, notes, prompt

    def read(self) -> str:
        """The next line; see LineReader."""
        self._notes.write(self._prompt)
        self._notes.flush()
        try:
            line = self._stream.readline()
        except KeyboardInterrupt:
            self._end_line()
            raise
        if not line:
            self._end_line()
            raise EOFError
        return line

    def session(self) -> contextlib.AbstractContextManager[None]:
        """Does nothing: the terminal is left as it is."""
        return contextlib.nullcontext()

    def _end_line(self) -> None:
        self._notes.write("\n")
        self._notes.flush()


@contextlib.contextmanager
def echo_disabled(stream: TextIO) -> Iterator[None]:
    """Within this context the terminal echoes no key and delivers none, except those that send a signal."""
    try:
        import termios
    except ModuleNotFoundError:  # Windows
        yield
        return
    descriptor = stream.fileno()
    before = termios.tcgetattr(descriptor)
    without_echo = termios.tcgetattr(descriptor)
    without_echo[3] &= ~(termios.ECHO | termios.ICANON)
    without_echo[3] |= termios.NOFLSH  # else Ctrl-C discards output that is not shown yet

    def disable_echo(*_: object) -> None:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, without_echo)

    disable_echo()
    continued = signal.signal(signal.SIGCONT, disable_echo)  # after Ctrl-Z the shell has reset the terminal
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, continued)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
