"""Vocabularies, the chat template, and which tokens carry loss."""

from tinychat.tokenizer.loading import load_tokenizer
from tinychat.tokenizer.vocabulary import Tokenizer

__all__ = ["Tokenizer", "load_tokenizer"]
