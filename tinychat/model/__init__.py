"""The dialogue model: its layers, and how it lies on disk."""

from tinychat.model.classic import DialogueModel
from tinychat.model.storage import load_model

__all__ = ["DialogueModel", "load_model"]
