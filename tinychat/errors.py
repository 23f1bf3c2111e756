"""What goes wrong in front of a person, and how a stage or command ends for it."""

import io
import sys
from collections.abc import Callable

EXIT_MACHINE = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130


class InputError(Exception):
    """The person's input is wrong: says which file, line or key, what was found, what would be right."""


class Interrupted(Exception):
    """Ctrl-C or SIGTERM came and the work was put aside in good order; the text says how to go on."""


def run_and_exit(run: Callable[[], object]) -> None:
    """Call `run` and end the process: 0, 2 with one message for an InputError, 130 for an interruption.

    1 with one message where the machine refused something, such as a full disk.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A console of another encoding shows what it can: a character that it lacks must not end a stage.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        run()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_INPUT)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_MACHINE)
    except (Interrupted, KeyboardInterrupt) as stop:
        print(f"stopped: {stop}" if str(stop) else "stopped", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
