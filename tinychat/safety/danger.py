"""Detects talk of self-harm and suicide. By rules, so that it never depends on what a model has learnt."""

from tinychat.safety.english_rules import ENGLISH
from tinychat.safety.methods import FAREWELLS, SELF_HARM_METHODS
from tinychat.safety.normalising import normalised
from tinychat.safety.tired_of_living import TIRED_OF_LIVING, WISH_TO_VANISH
from tinychat.safety.wish_to_die import WISH_TO_DIE

RULES = (*WISH_TO_DIE, *TIRED_OF_LIVING, *WISH_TO_VANISH, *SELF_HARM_METHODS, *FAREWELLS, *ENGLISH)
MAX_CHARACTERS = 20_000  # that are read from the beginning, and as many from the end


def recognises_danger(text: str) -> bool:
    """Whether a message, in Korean or plain English, speaks of dying, ending one's life or harming oneself.

    Also where it is said of a friend (친구가 죽고 싶대), since the help lines are for friends as well. Idioms (배고파
    죽겠다), exasperation (내가 못 살아), and despair that names none of it (힘들다, 다 포기하고 싶어) do not count.
    Recall and false alarms: `python -m tests.safety.figures`.
    """
    return any(rule.matches(sentence) for sentence in sentences(text) for rule in RULES)


def sentences(text: str) -> list[str]:
    """The normalised sentences of a message; of a very long one, those of its two ends."""
    if len(text) > 2 * MAX_CHARACTERS:
        text = f"{text[:MAX_CHARACTERS]}\n{text[-MAX_CHARACTERS:]}"
    return [sentence for sentence in normalised(text).split("\n") if sentence]
