"""The dialogue model: its layers, and how it lies on disk.

DialogueModel and load_model are loaded when they are asked for: they need torch, and who talks with a model does not.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinychat.model.classic import DialogueModel
    from tinychat.model.storage import load_model

__all__ = ["DialogueModel", "load_model"]

PLACES = {"DialogueModel": "tinychat.model.classic", "load_model": "tinychat.model.storage"}


def __getattr__(name: str) -> object:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)
