"""Recognises talk of self-harm and suicide, by rules and by a classifier: it never depends on a dialogue model.

The rules know plain words in any spelling; the classifier also knows what is said without them.
"""

from collections.abc import Iterator

from tinychat.safety import classifier
from tinychat.safety.english_rules import ENGLISH
from tinychat.safety.methods import FAREWELLS, SELF_HARM_METHODS
from tinychat.safety.normalising import normalised
from tinychat.safety.tired_of_living import TIRED_OF_LIVING, WISH_TO_VANISH
from tinychat.safety.wish_to_die import WISH_TO_DIE

RULES = (*WISH_TO_DIE, *TIRED_OF_LIVING, *WISH_TO_VANISH, *SELF_HARM_METHODS, *FAREWELLS, *ENGLISH)
MAX_CHARACTERS = 20_000  # that the rules read from the beginning, and as many from the end
MAX_CLASSIFIED = 2_000  # that the classifier reads from the beginning, and as many from the end
WINDOW = 120  # characters that the classifier looks at together
SLACK = 3.0  # log-odds below the threshold from which a message is also read together with the one before
PAIR_MARGIN = 1.25  # log-odds above the threshold that two messages need together: ordinary ones may sound like danger


def recognises_danger(text: str, before: str = "") -> bool:
    """Whether a message, in Korean or plain English, speaks of dying, ending one's life or harming oneself.

    Also where it is said of a friend (친구가 죽고 싶대), since the help lines are for friends as well. `before` is the
    same person's message before it: one that is not clear by itself is also read together with it. Idioms (배고파
    죽겠다), exasperation (내가 못 살아), and despair that names none of it (힘들다, 다 포기하고 싶어) should not count.
    Recall and false alarms: `python -m tests.safety.figures`.
    """
    return matches_rule(text) or is_classified(text, before)


def matches_rule(text: str) -> bool:
    """Whether a rule matches a sentence of the message."""
    return any(rule.matches(sentence) for sentence in sentences(text) for rule in RULES)


def is_classified(text: str, before: str = "") -> bool:
    """Whether the classifier takes the message for danger, by itself or together with the one before."""
    trained = classifier.load()
    return danger_logit(trained, text, before) > trained.threshold


def danger_logit(trained: classifier.Classifier, text: str, before: str = "") -> float:
    """The log-odds of danger of a message, alone or with the one before: above the threshold it is taken for danger."""
    alone = max(map(trained.logit, windows(text)), default=trained.bias)
    if not before:
        return alone
    together = trained.logit(f"{next(windows(before), '')} {next(windows(text), '')}")
    return max(alone, min(together - PAIR_MARGIN, alone + SLACK))


def sentences(text: str, most: int = MAX_CHARACTERS) -> list[str]:
    """The normalised sentences of a message; of a very long one, those of its two ends."""
    if len(text) > 2 * most:
        text = f"{text[:most]}\n{text[-most:]}"
    return [sentence for sentence in normalised(text).split("\n") if sentence]


def windows(text: str) -> Iterator[str]:
    """What the classifier looks at: a message as a whole if it is short, and its sentences, long ones in pieces that
    overlap.
    """
    found = sentences(text, MAX_CLASSIFIED)
    whole = " ".join(found)
    if whole and len(whole) <= WINDOW:
        yield whole
    if len(found) > 1 or len(whole) > WINDOW:
        for sentence in found:
            for start in range(0, max(1, len(sentence) - WINDOW // 2), WINDOW // 2):
                yield sentence[start : start + WINDOW]
