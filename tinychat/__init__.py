"""A small dialogue model of your own: `tinychat.load("models/dialogue").reply("안녕")`.

What it promises is loaded when it is asked for, so that `import tinychat` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinychat.bot import Bot, load
    from tinychat.errors import InputError
    from tinychat.generation.engine import Reply

__all__ = ["Bot", "InputError", "Reply", "load"]

PLACES = {
    "Bot": "tinychat.bot",
    "InputError": "tinychat.errors",
    "Reply": "tinychat.generation.engine",
    "load": "tinychat.bot",
}


def __getattr__(name: str) -> object:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)
