"""Whether a way to ask is near to others: whether all its core words occur in them."""

import re
from collections.abc import Sequence

WORD = re.compile(r"[가-힣]+|[a-zA-Z]+")
STEM = 2  # syllables: what follows is mostly a particle or an ending


def is_near(way: str, others: Sequence[str]) -> bool:
    """Whether each word begins as a word of the others does, by its first two syllables."""
    known = {stem for other in others for stem in stems(other)}
    return stems(way) <= known


def stems(text: str) -> set[str]:
    """How the words begin that have two syllables or more."""
    return {word[:STEM] for word in WORD.findall(text.lower()) if len(word) >= STEM}
