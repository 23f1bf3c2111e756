"""Whether somebody talks of harming themselves. By rules, so that it never depends on what a model has learnt."""

from tinychat.safety.dying import DYING
from tinychat.safety.english import ENGLISH
from tinychat.safety.living import GOING, LIVING
from tinychat.safety.normalising import normalised
from tinychat.safety.ways import FAREWELLS, WAYS

RULES = (*DYING, *LIVING, *GOING, *WAYS, *FAREWELLS, *ENGLISH)
LONGEST = 20_000  # characters that are read: from the beginning, and as many from the end


def recognises_danger(text: str) -> bool:
    """Whether a message, in Korean or plain English, speaks of dying, ending one's life or harming oneself.

    Also where it is said of a friend (친구가 죽고 싶대), since the lines for help are theirs as well. Idioms (배고파
    죽겠다), exasperation (내가 못 살아), and despair that names none of it (힘들다, 다 포기하고 싶어) are none.
    How much of it is recognised, and how often wrongly: `python -m tests.safety.figures`.
    """
    return any(rule.holds(sentence) for sentence in sentences(text) for rule in RULES)


def sentences(text: str) -> list[str]:
    """The normalised sentences of a message; of a very long one, those of its two ends."""
    if len(text) > 2 * LONGEST:
        text = f"{text[:LONGEST]}\n{text[-LONGEST:]}"
    return [sentence for sentence in normalised(text).split("\n") if sentence]
