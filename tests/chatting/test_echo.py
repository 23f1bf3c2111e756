"""The terminal while nobody reads a line."""

import os
import pty
import signal
import termios
import time

from tinychat.chatting.terminal import echo_disabled


def shows_keys(descriptor: int) -> bool:
    return bool(termios.tcgetattr(descriptor)[3] & termios.ECHO)


def test_keys_stay_unseen_after_ctrl_z_and_fg_and_are_shown_again_at_the_end() -> None:
    """The shell that had the terminal meanwhile turns them on."""
    controller, descriptor = pty.openpty()
    with open(descriptor, "rb", closefd=False, buffering=0) as stream:
        assert shows_keys(descriptor)
        with echo_disabled(stream):
            assert not shows_keys(descriptor)
            settings = termios.tcgetattr(descriptor)
            settings[3] |= termios.ECHO
            termios.tcsetattr(descriptor, termios.TCSANOW, settings)
            os.kill(os.getpid(), signal.SIGCONT)
            for _ in range(60_000):  # minutes, where it hangs
                if not shows_keys(descriptor):
                    break
                time.sleep(0.01)
            assert not shows_keys(descriptor)
        assert shows_keys(descriptor)
    os.close(controller)
    os.close(descriptor)
