"""The retrieval baseline: the answer to the most similar training question."""

import math
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np

NGRAMS = (1, 2, 3)


class NearestQuestion:
    """Answers with the answer of the nearest known question: cosine of TF-IDF over character 1- to 3-grams."""

    def __init__(self, questions: Sequence[str], answers: Sequence[str]) -> None:
        self._answers = list(answers)
        frequency = Counter(gram for question in questions for gram in set(_ngrams(question)))
        self._idf = {gram: math.log(len(questions) / n) + 1 for gram, n in frequency.items()}
        # Inverted index: by n-gram, the questions that have it, and its weight in each. Arrays, since whole dialogues
        # have millions of n-grams.
        listed: dict[str, tuple[array[int], array[float]]] = {gram: (array("L"), array("d")) for gram in frequency}
        for row, question in enumerate(questions):
            for gram, weight in self._vector(Counter(_ngrams(question))).items():
                rows, weights = listed[gram]
                rows.append(row)
                weights.append(weight)
        self._index = {
            gram: (np.frombuffer(rows, dtype=rows.typecode), np.frombuffer(weights))
            for gram, (rows, weights) in listed.items()
        }

    def answer(self, question: str) -> str:
        """The answer to the nearest question; the first of equally near ones."""
        return self._answers[self.nearest(question, 1)[0][0]]

    def nearest(self, question: str, n: int) -> list[tuple[int, float]]:
        """The `n` nearest questions: index and cosine similarity (0 to 1), the most similar first.

        Ties are in index order. Spaces around a text are characters too, so all texts are a little similar.
        """
        scores = np.zeros(len(self._answers))
        for gram, weight in self._vector(Counter(_ngrams(question))).items():
            if gram in self._index:
                rows, others = self._index[gram]
                scores[rows] += weight * others
        alike = np.flatnonzero(scores)
        if n < len(alike):  # avoids sorting all
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
