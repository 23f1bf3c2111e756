"""How a stage or command ends: its exit code, and what it tells of an error, in the person's language."""

import io
import signal
import sys
from collections.abc import Callable

from tinychat.errors import InputError, Interrupted
from tinychat.printing import say

EXIT_MACHINE = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130


def run_and_exit(run: Callable[[], object]) -> None:
    """Call `run` and end the process: 0, 2 with one message for an InputError, 130 for an interruption.

    1 with one message where the machine refused something, such as a full disk. Messages are in the person's language.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A console of another encoding shows what it can: a character that it lacks must not end a stage.
        sys.stdout.reconfigure(errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except InputError as error:
        _tell(error)
        sys.exit(EXIT_INPUT)
    except OSError as error:
        _tell(error)
        sys.exit(EXIT_MACHINE)
    except (Interrupted, KeyboardInterrupt) as stop:
        _tell(stop)
        sys.exit(EXIT_INTERRUPTED)
    else:
        # All is written: Ctrl-C while Python ends would only make DVC throw it away.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _tell(error: BaseException) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends anyway; a second Ctrl-C would show a traceback
    # Loaded only here: a stage that ends well never reads a language's texts, so they are no dep of it
    # (tools/import_closure.py).
    from tinychat.language.choosing import told

    say(told(error), aside=True)
