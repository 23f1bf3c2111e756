import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinychat.chatting.one_reply import print_reply

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="a pseudo-terminal needs POSIX")


def shown(terminal: int, expected: bytes) -> bytes:
    """The next bytes from a terminal's other side, as many as are expected; fewer where no more come.

    One read may give less than was written: the kernel hands it on in parts.
    """
    seen = b""
    while len(seen) < len(expected) and select.select([terminal], [], [], 10)[0]:
        seen += os.read(terminal, len(expected) - len(seen))
    return seen


def test_a_terminal_shows_each_piece_as_soon_as_it_is_there() -> None:
    seen, terminal = os.openpty()

    def pieces() -> Iterator[str]:
        yield "안"
        assert shown(seen, "안".encode()).decode() == "안"
        yield "녕"
        assert shown(seen, "녕".encode()).decode() == "녕"

    with open(terminal, "w", encoding="utf-8") as output:
        print_reply(pieces(), output)
        assert shown(seen, b"\r\n") == b"\r\n"
    os.close(seen)


def test_a_terminal_gets_nothing_that_it_would_obey() -> None:
    seen, terminal = os.openpty()
    with open(terminal, "w", encoding="utf-8") as output:
        print_reply(["\x1b[2J"], output)
        assert shown(seen, "␛[2J\r\n".encode()).decode() == "␛[2J\r\n"
    os.close(seen)


def test_a_file_gets_the_reply_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "reply"
    with open(path, "w", encoding="utf-8", newline="\n") as output:
        print_reply(["\x1b[2J\t", "녕"], output)
    assert path.read_bytes() == "\x1b[2J\t녕\n".encode()
