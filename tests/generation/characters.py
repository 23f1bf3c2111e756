"""Whether a text that was shown in pieces was ever shown broken."""

from collections.abc import Callable, Iterable
from itertools import accumulate

import regex
from wcwidth import iter_graphemes

Split = Callable[[str], Iterable[str]]

# Two tables of Unicode that have nothing to do with each other.
SPLITS: dict[str, Split] = {"wcwidth": iter_graphemes, "regex": lambda text: regex.findall(r"\X", text)}


def borders(parts: Iterable[str]) -> set[int]:
    """Where a text stands after each part."""
    return {0, *accumulate(map(len, parts))}


def is_whole(pieces: list[str], text: str, split: Split = SPLITS["regex"]) -> bool:
    """Whether the pieces are `text`, each of them whole characters of it as a person sees them."""
    return "".join(pieces) == text and borders(pieces) <= borders(split(text))
