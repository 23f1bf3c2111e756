"""Starts `tinychat chat`: a conversation at a terminal, else one reply."""

import io
import sys
from pathlib import Path

from tinychat.bot import Bot, load
from tinychat.chatting.conversation import GivenOptions
from tinychat.chatting.message import cleaned, read_message
from tinychat.chatting.one_reply import print_reply
from tinychat.chatting.stopping import end_on_sigterm, on_sigterm
from tinychat.chatting.terminal import (
    LineReader,
    PlainLineReader,
    Screen,
    has_colour,
    has_line_editing,
    is_terminal,
)
from tinychat.chatting.timing import Stopwatch, load_in_phases
from tinychat.errors import InputError, Interrupted
from tinychat.printing import say
from tinychat.safety.help import help_in_danger


def start(
    message: str | None, model: Path, given: GivenOptions, stopwatch: Stopwatch | None = None, *, safety: bool = True
) -> None:
    """Chat with the model in a folder; without a message, read stdin.

    The stopwatch's table is printed after the first reply. With `safety`, a message that speaks of self-harm is
    answered with the help lines, and the model is not asked.

    Raises InputError for an invalid model, option or message, and Interrupted on Ctrl-C.
    """
    try:
        with on_sigterm(end_on_sigterm):
            if message is None and is_terminal(sys.stdin):
                converse(model, given, stopwatch, safety=safety)
            else:
                answer_once(message, model, given, stopwatch, safety=safety)
    except KeyboardInterrupt:
        raise Interrupted from None


def answer_once(
    message: str | None, model: Path, given: GivenOptions, stopwatch: Stopwatch | None, *, safety: bool
) -> None:
    """Print the reply to a message, or to all that a pipe brings."""
    if message is None:
        message = read_message(sys.stdin.buffer) if sys.stdin else ""
        if stopwatch:
            stopwatch.lap("message from the pipe")
    if not (question := cleaned(message)):
        raise InputError("the message is empty")
    if safety and (lines := help_in_danger(question)):
        return print_reply([lines], sys.stdout)  # even where no model can be loaded
    bot = _load(model, stopwatch)
    with bot.stream(question, **given) as stream:
        print_reply(stopwatch.during(stream) if stopwatch else stream, sys.stdout)
    if stopwatch:
        say(stopwatch.table(), stderr=True)


def converse(model: Path, given: GivenOptions, stopwatch: Stopwatch | None, *, safety: bool) -> None:
    """A conversation at the terminal."""
    from tinychat.chatting.talking import Talk

    notes = sys.stdout if is_terminal(sys.stdout) else sys.stderr
    screen = Screen(sys.stdout, notes, has_colour())
    reader: LineReader
    if has_line_editing():
        from tinychat.chatting.editing import LineEditor

        reader = LineEditor(screen.words("user_prompt"), colour=screen.colour)
    else:
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")
        reader = PlainLineReader(sys.stdin, notes, screen.words("user_prompt"))
    bot = _load(model, stopwatch)
    bot.options(**given)
    Talk(bot, given, screen, reader, stopwatch, safety=safety).run()


def _load(model: Path, stopwatch: Stopwatch | None) -> Bot:
    return load_in_phases(model, stopwatch) if stopwatch else load(model, batch_size=1, safety=False)
