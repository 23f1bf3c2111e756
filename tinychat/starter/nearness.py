"""Whether a phrasing is near to others: whether all its core words occur in them."""

import re
from collections.abc import Sequence

WORD = re.compile(r"[가-힣]+|[a-zA-Z]+")
STEM_SYLLABLES = 2  # what follows is mostly a particle or an ending


def is_near(phrasing: str, others: Sequence[str]) -> bool:
    """Whether the first two syllables of each word begin a word of the others too."""
    known = {stem for other in others for stem in stems(other)}
    return stems(phrasing) <= known


def stems(text: str) -> set[str]:
    """The first two syllables of each word that has as many."""
    return {word[:STEM_SYLLABLES] for word in WORD.findall(text.lower()) if len(word) >= STEM_SYLLABLES}
