"""What goes wrong in front of a person, and how a stage or command ends for it."""

import errno
import io
import signal
import sys
from collections.abc import Callable, Mapping

from tinychat.printing import say

EXIT_MACHINE = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
ROOM_IS_MISSING = "; make room, then run the same command again"


class InputError(Exception):
    """The person's input is wrong: says which file, line or key, what was found, what would be right.

    InputError("{path}: no such file", path=path): with values the text is a template, so that it can be said in another
    language. `str` gives the English text. A value may be such an error itself.
    """

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template.format(**values) if values else template)
        self.template, self.values = template, values

    def text_in(self, texts: Mapping[str, str]) -> str:
        """The text by the template that `texts` has in the place of the English one; the English text without it."""
        template = texts.get(self.template)
        values = {k: v.text_in(texts) if isinstance(v, InputError) else v for k, v in self.values.items()}
        return (self.template if template is None else template).format(**values) if values else template or str(self)


class Interrupted(Exception):
    """Ctrl-C or SIGTERM came and the work was put aside in good order; the text says how to go on."""


def tell(error: BaseException) -> str:
    """What ended a stage or command, as it is printed where nobody chose a language."""
    match error:
        case InputError():
            return f"error: {error}"
        case OSError():
            return f"error: {describe(error)}{ROOM_IS_MISSING if error.errno in FULL_DISK else ''}"
    return f"stopped: {error}" if str(error) else "stopped"


def run_and_exit(run: Callable[[], object], told: Callable[[BaseException], str] = tell) -> None:
    """Call `run` and end the process: 0, 2 with one message for an InputError, 130 for an interruption.

    `told` gives the message. 1 with one message where the machine refused something, such as a full disk.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A console of another encoding shows what it can: a character that it lacks must not end a stage.
        sys.stdout.reconfigure(errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except InputError as error:
        say(told(error), aside=True)
        sys.exit(EXIT_INPUT)
    except OSError as error:
        say(told(error), aside=True)
        sys.exit(EXIT_MACHINE)
    except (Interrupted, KeyboardInterrupt) as stop:
        say(told(stop), aside=True)
        sys.exit(EXIT_INTERRUPTED)
    else:
        # All is written: Ctrl-C while Python ends would only make DVC throw it away.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def describe(error: OSError) -> str:
    """Which file, and what the machine said of it."""
    named = error.filename and error.strerror and error.filename2 is None
    return f"{error.filename}: {error.strerror}" if named else str(error)
