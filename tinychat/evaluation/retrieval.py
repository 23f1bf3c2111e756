"""The baseline for replies: no model at all, the answer to the training question that looks most alike."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

NGRAMS = (1, 2, 3)


class NearestQuestion:
    """Answers with the answer of the nearest known question: cosine of TF-IDF over character 1- to 3-grams."""

    def __init__(self, questions: Sequence[str], answers: Sequence[str]) -> None:
        self._answers = list(answers)
        grams = [Counter(_ngrams(question)) for question in questions]
        frequency = Counter(gram for counts in grams for gram in counts)
        self._idf = {gram: math.log(len(grams) / n) + 1 for gram, n in frequency.items()}
        listed: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for row, counts in enumerate(grams):
            for gram, weight in self._vector(counts).items():
                listed[gram].append((row, weight))
        # By n-gram: the questions that have it, and its weight in each. As arrays, since a common one is in thousands.
        self._index = {
            gram: (np.array([r for r, _ in rows]), np.array([w for _, w in rows])) for gram, rows in listed.items()
        }

    def answer(self, question: str) -> str:
        """The answer to the nearest question; the first of equally near ones."""
        return self._answers[self.nearest(question, 1)[0][0]]

    def nearest(self, question: str, n: int) -> list[tuple[int, float]]:
        """The `n` nearest questions: their places, and their likeness from 0 to 1, which falls.

        Equally near ones in their order. Spaces around a text are characters too, so all are alike a little.
        """
        scores = np.zeros(len(self._answers))
        for gram, weight in self._vector(Counter(_ngrams(question))).items():
            if gram in self._index:
                rows, others = self._index[gram]
                scores[rows] += weight * others
        alike = np.flatnonzero(scores)
        if n < len(alike):  # all need not be sorted
            alike = alike[scores[alike] >= np.partition(scores[alike], -n)[-n]]
        nearest = alike[np.argsort(-scores[alike], kind="stable")][:n]
        return [(int(row), min(float(scores[row]), 1.0)) for row in nearest]

    def _vector(self, counts: Counter[str]) -> dict[str, float]:
        weights = {gram: n * self._idf[gram] for gram, n in counts.items() if gram in self._idf}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {gram: weight / length for gram, weight in weights.items()}


def _ngrams(text: str) -> list[str]:
    text = f" {' '.join(text.casefold().split())} "
    return [text[i : i + n] for n in NGRAMS for i in range(len(text) - n + 1)]
