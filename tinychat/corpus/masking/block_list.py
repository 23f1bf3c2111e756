"""A person's own words and phrases that must not be learnt: a file in data/raw, one a line."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tinychat.corpus.cleaning import clean_text
from tinychat.corpus.masking.patterns import Place, to_plain
from tinychat.corpus.text_files import open_text_file
from tinychat.errors import InputError

KEY_LENGTH = 2
MIN_LENGTH = KEY_LENGTH
# Korean endings follow without a space, so a word is found within another; Latin words and numbers are not cut.
ASCII_WORD = re.compile("[0-9A-Za-z]")


def read_block_list(path: Path) -> "BlockList":
    """The words and phrases in a text file, one a line; blank lines do not count.

    Raises InputError where the file cannot be read, holds none, or one of a single character. No error quotes the file.
    """
    words = []
    for number, line in enumerate(open_text_file(path).lines(), start=1):
        word = _folded(to_plain(clean_text(line, Counter())))
        if word and len(word) < MIN_LENGTH:
            raise InputError(
                "{path}:{line}: a word of one character, which is a part of many others; write {minimum} or more",
                path=path,
                line=number,
                minimum=MIN_LENGTH,
            )
        words += [word] if word else []
    if not words:
        raise InputError("{path}: a block list without words; write one a line", path=path)
    return BlockList(words)


class BlockList:
    """Finds these words: whatever their case, with any endings; Latin words and numbers only as a whole."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_beginning: dict[str, list[str]] = defaultdict(list)
        for word in sorted({_folded(to_plain(word)) for word in words}, key=len, reverse=True):
            self._by_beginning[word[:KEY_LENGTH]].append(word)

    def __len__(self) -> int:
        return sum(map(len, self._by_beginning.values()))

    def find(self, plain: str) -> Iterator[Place]:
        """Where the words stand, the longest where several begin at a place; none overlap."""
        text, end = _folded(plain), 0
        for start in range(len(text) - KEY_LENGTH + 1):
            if start < end or (words := self._by_beginning.get(text[start : start + KEY_LENGTH])) is None:
                continue
            for word in words:
                if text.startswith(word, start) and _is_whole(text, start, start + len(word)):
                    end = start + len(word)
                    yield start, end
                    break


def _is_whole(text: str, start: int, end: int) -> bool:
    cut_before = start > 0 and ASCII_WORD.match(text[start]) and ASCII_WORD.match(text[start - 1])
    cut_behind = end < len(text) and ASCII_WORD.match(text[end - 1]) and ASCII_WORD.match(text[end])
    return not cut_before and not cut_behind


def _folded(text: str) -> str:
    """Without case, character for character (İ stays as it is); a line break between words counts as a space."""
    text = text.replace("\n", " ")
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
