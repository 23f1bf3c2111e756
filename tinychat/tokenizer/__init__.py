"""Vocabularies, the chat template, and which tokens carry loss."""

from tinychat.tokenizer.vocabulary import Tokenizer, load_tokenizer

__all__ = ["Tokenizer", "load_tokenizer"]
