"""The end of a stage or command: its exit code, and the error message in the user's language."""

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

    1 with one message for an OSError, such as a full disk. Messages are in the user's language.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the console's encoding lacks must not end a stage.
        sys.stdout.reconfigure(errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except InputError as error:
        _print_error(error)
        sys.exit(EXIT_INPUT)
    except OSError as error:
        _print_error(error)
        sys.exit(EXIT_MACHINE)
    except (Interrupted, KeyboardInterrupt) as stop:
        _print_error(stop)
        sys.exit(EXIT_INTERRUPTED)
    else:
        # All outs are written; after a Ctrl-C while Python exits, DVC would discard them.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _print_error(error: BaseException) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process ends anyway; a second Ctrl-C would print a traceback
    # Imported only here: a stage that succeeds never loads the texts of a language, so they are no deps
    # (tools/import_closure.py).
    from tinychat.language.choosing import error_text

    say(error_text(error), stderr=True)
