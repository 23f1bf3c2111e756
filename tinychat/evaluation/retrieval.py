"""The baseline for replies: no model at all, the answer to the training question that looks most alike."""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Sequence

NGRAMS = (1, 2, 3)


class NearestQuestion:
    """Answers with the answer of the nearest known question: cosine of TF-IDF over character 1- to 3-grams."""

    def __init__(self, questions: Sequence[str], answers: Sequence[str]) -> None:
        self._answers = list(answers)
        grams = [Counter(_ngrams(question)) for question in questions]
        frequency = Counter(gram for counts in grams for gram in counts)
        self._idf = {gram: math.log(len(grams) / n) + 1 for gram, n in frequency.items()}
        self._index: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for row, counts in enumerate(grams):
            for gram, weight in self._vector(counts).items():
                self._index[gram].append((row, weight))

    def answer(self, question: str) -> str:
        """The answer to the nearest question; the first of equally near ones."""
        return self._answers[self.nearest(question, 1)[0][0]]

    def nearest(self, question: str, n: int) -> list[tuple[int, float]]:
        """The `n` nearest questions: their places, and their likeness from 0 to 1, which falls.

        Equally near ones in their order. Spaces around a text are characters too, so all are alike a little.
        """
        scores: dict[int, float] = defaultdict(float)
        for gram, weight in self._vector(Counter(_ngrams(question))).items():
            for row, other in self._index.get(gram, ()):
                scores[row] += weight * other
        rows = heapq.nsmallest(n, scores, key=lambda row: (-scores[row], row))
        return [(row, min(scores[row], 1.0)) for row in rows]

    def _vector(self, counts: Counter[str]) -> dict[str, float]:
        weights = {gram: n * self._idf[gram] for gram, n in counts.items() if gram in self._idf}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {gram: weight / length for gram, weight in weights.items()}


def _ngrams(text: str) -> list[str]:
    text = f" {' '.join(text.casefold().split())} "
    return [text[i : i + n] for n in NGRAMS for i in range(len(text) - n + 1)]
