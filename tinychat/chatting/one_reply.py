"""One message, one reply: `tinychat chat "안녕"` and a pipe."""

from collections.abc import Iterable
from typing import TextIO

from tinychat.chatting.terminal import is_terminal
from tinychat.printing import visible


def print_reply(pieces: Iterable[str], output: TextIO) -> None:
    """Print the reply and a line break: exact bytes to a file or pipe, without control characters to a terminal."""
    to_terminal = is_terminal(output)
    try:
        for piece in pieces:
            output.write(visible(piece) if to_terminal else piece)
            if to_terminal:
                output.flush()
    finally:
        output.write("\n")
        output.flush()
