"""A small dialogue model of your own: `tinychat.load("models/dialogue").reply("안녕")`.

The public names are imported lazily, so that `import tinychat` is fast.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinychat.bot import Bot, load
    from tinychat.errors import InputError
    from tinychat.generation.request import Reply

__all__ = ["Bot", "InputError", "Reply", "load"]

LAZY_IMPORTS = {
    "Bot": "tinychat.bot",
    "InputError": "tinychat.errors",
    "Reply": "tinychat.generation.request",
    "load": "tinychat.bot",
}


def __getattr__(name: str) -> object:
    if name not in LAZY_IMPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(LAZY_IMPORTS[name]), name)
