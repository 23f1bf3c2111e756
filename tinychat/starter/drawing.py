"""Random draws for the starter corpus: also without replacement, and of what was drawn least often."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Rng(random.Random):
    """A random number generator that also draws without replacement.

    Of 30 phrasings drawn 100 times with replacement, one is never drawn, and three are drawn once.
    """

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.left: dict[tuple[object, ...], list[object]] = {}
        self.drawn: Counter[object] = Counter()

    def draw_without_replacement(self, items: Sequence[T]) -> T:
        """The next item: each comes once before one comes again. Each list of items is counted by itself in `left`."""
        left: list[T] = self.left.setdefault(tuple(items), [])  # type: ignore[assignment]
        if not left:
            left += self.sample(items, len(items))
        return left.pop()

    def draw_rarest(self, items: Sequence[T]) -> T:
        """One of the items that were drawn least often, whatever others they were drawn among."""
        times = [self.drawn.get(item, 0) for item in items]
        least = min(times)
        item = self.choice([item for item, n in zip(items, times, strict=True) if n == least])
        self.drawn[item] += 1
        return item
