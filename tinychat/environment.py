"""What the machine decides, and DVC does not hash: the values of TINYCHAT_* variables, and the number of cores."""

import os
from collections.abc import Mapping

from tinychat.errors import InputError

AUTO = "auto"


def choice(environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """The value of a variable, auto where it is not set. Raises InputError for anything but `choices`."""
    value = environment.get(name, AUTO).strip().lower() or AUTO
    if value not in choices:
        raise InputError(
            "{name} is {value!r}; it must be one of {choices}", name=name, value=value, choices=", ".join(choices)
        )
    return value


def number(environment: Mapping[str, str], name: str, maximum: int) -> int | None:
    """The number in a variable; None for auto, or where it is not set. Raises InputError for anything else."""
    value = environment.get(name, AUTO).strip().lower() or AUTO
    if value == AUTO:
        return None
    # int() refuses thousands of digits.
    found = int(value) if value.isascii() and value.isdigit() and len(value) < 100 else 0
    if not 0 < found <= maximum:
        shown = value if len(value) < 100 else f"{value[:20]}…"
        raise InputError(
            "{name} is {shown!r}; it must be auto or a number from 1 to {maximum}",
            name=name,
            shown=shown,
            maximum=maximum,
        )
    return found


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
