"""The retrieval baseline: the answer to the most similar training question."""

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

NGRAMS = (1, 2, 3)


class NearestQuestion:
    """Answers with the answer of the nearest known question: cosine of TF-IDF over character 1- to 3-grams."""

    def __init__(self, questions: Sequence[str], answers: Sequence[str]) -> None:
        self._answers = list(answers)
        frequency = Counter(gram for question in questions for gram in set(_ngrams(question)))
        self._idf = {gram: math.log(len(questions) / n) + 1 for gram, n in frequency.items()}
        # Inverted index: by n-gram, where its part of two flat arrays is: the questions that have it, and its weight in
        # each. Whole dialogues have millions of n-grams.
        begins = list(accumulate(frequency.values(), initial=0))
        self._parts = {gram: slice(*part) for gram, part in zip(frequency, pairwise(begins), strict=True)}
        rows, weights = array("I", bytes(4 * begins[-1])), array("d", bytes(8 * begins[-1]))
        ends = dict(zip(frequency, begins, strict=False))
        for row, question in enumerate(questions):
            for gram, weight in self._vector(Counter(_ngrams(question))).items():
                rows[ends[gram]], weights[ends[gram]] = row, weight
                ends[gram] += 1
        self._rows, self._weights = np.frombuffer(rows, dtype=np.uint32), np.frombuffer(weights)

    def answer(self, question: str) -> str:
        """The answer to the nearest question; the first of equally near ones."""
        return self._answers[self.nearest(question, 1)[0][0]]

    def nearest(self, question: str, n: int) -> list[tuple[int, float]]:
        """The `n` nearest questions: index and cosine similarity (0 to 1), the most similar first.

        Ties are in index order. Spaces around a text are characters too, so all texts are a little similar.
        """
        scores = np.zeros(len(self._answers))
        for gram, weight in self._vector(Counter(_ngrams(question))).items():
            if gram in self._parts:
                scores[self._rows[self._parts[gram]]] += weight * self._weights[self._parts[gram]]
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
