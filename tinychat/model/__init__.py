"""The dialogue model: its layers, and its files.

DialogueModel and load_model are imported lazily: they need torch, which a chat does not.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinychat.model.classic import DialogueModel
    from tinychat.model.storage import load_model

__all__ = ["DialogueModel", "load_model"]

LAZY_IMPORTS = {"DialogueModel": "tinychat.model.classic", "load_model": "tinychat.model.storage"}


def __getattr__(name: str) -> object:
    if name not in LAZY_IMPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(LAZY_IMPORTS[name]), name)
