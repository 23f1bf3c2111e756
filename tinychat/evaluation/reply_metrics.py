"""Metrics of replies against reference answers."""

from collections import Counter
from collections.abc import Collection, Container, Sequence


def exact_share(replies: Sequence[str], references: Sequence[Collection[str]]) -> float:
    """Share of replies that equal one of their reference answers."""
    return _mean([reply in known for reply, known in zip(replies, references, strict=True)])


def mean_char_f1(replies: Sequence[str], references: Sequence[Collection[str]]) -> float:
    """Mean overlap with the nearest reference answer: F1 of character pairs, 0 to 1."""
    return _mean(
        [max(char_f1(reply, answer) for answer in known) for reply, known in zip(replies, references, strict=True)]
    )


def char_f1(text: str, other: str) -> float:
    """F1 of the character pairs of two texts, with start and end marks; 1 for equal texts."""
    a, b = _pairs(text), _pairs(other)
    return 2 * (a & b).total() / (a.total() + b.total())


def copied_share(replies: Sequence[str], training_answers: Container[str]) -> float:
    """Share of replies that are a training answer, word for word."""
    return _mean([reply in training_answers for reply in replies])


def distinct(replies: Sequence[str], n: int) -> float:
    """Different n-grams of words as a share of all of them (1510.03055); 0 where there are none."""
    grams = [tuple(words[i : i + n]) for words in map(str.split, replies) for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _pairs(text: str) -> Counter[str]:
    text = f"\0{text}\0"
    return Counter(text[i : i + 2] for i in range(len(text) - 1))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
