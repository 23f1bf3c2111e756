"""Texts as words, which can be counted and encoded one by one."""

import re
from typing import NamedTuple

BETWEEN_WORDS = re.compile(r"(?<=\S) (?=\S)")


class CountedWord(NamedTuple):
    """A word, how often it occurs, and a number that is lower the earlier it first appears."""

    word: str
    times: int
    first: int


def words_of(text: str) -> list[str]:
    """The words of a text, which single spaces between them make the text again; white space of any other kind stays
    within a word.

    The token ids of a text are those of its words one after another, each encoded as a text of its own: both kinds of
    vocabulary divide a text before a single space (QWEN2_SPLIT in building.py: no token has such a space within it or
    at its end), and the byte-level one puts a space before each text.
    """
    return BETWEEN_WORDS.split(text)
