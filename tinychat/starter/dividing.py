"""What is trained on, what validates and what tests, of texts that stand for themselves: ways to ask, names."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tinychat.corpus.text_keys import text_key

VALID = 0.04  # for validation, besides what is held out for the test
TRAINING, VALIDATION, TEST = "train", "valid", "test"


@dataclass(frozen=True)
class Parts:
    """What is trained on, what is held out for validation, and what is held out for the test."""

    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def held_out(self) -> tuple[str, ...]:
        """All that is not trained on."""
        return self.valid + self.test


def divide(texts: Sequence[str], test: float, seed: int, always: int = 0, valid: float = VALID) -> Parts:
    """Hold out these shares of the texts, by the hash of each: whoever adds one moves few others. The first `always` of
    them are trained on.
    """
    ranked = sorted(texts[always:], key=lambda text: _digest(text, seed))
    n_test = round(len(texts) * test)
    n_held_out = n_test + round(len(texts) * valid)
    tested, validated = set(ranked[:n_test]), set(ranked[n_test:n_held_out])
    return _parts(texts, lambda text: TEST if text in tested else VALIDATION if text in validated else TRAINING)


def divide_by_hash(
    texts: Sequence[str], test: float, seed: int, settled: Mapping[str, str], valid: float = VALID
) -> Parts:
    """Hold out about these shares of the texts: the same ones wherever they stand.

    `settled`: by a text's letters, the part where it is elsewhere; then it is in that part here too.
    """

    def part_of(text: str) -> str:
        place = int.from_bytes(_digest(text, seed)[:8], "big") / 2**64
        by_hash = TEST if place < test else VALIDATION if place < test + valid else TRAINING
        return settled.get(text_key(text), by_hash)

    parts = _parts(texts, part_of)
    return parts if parts.train else Parts(tuple(texts), (), ())  # a scene with one or two ways must have one


def _parts(texts: Sequence[str], part_of: Callable[[str], str]) -> Parts:
    return Parts(*(tuple(text for text in texts if part_of(text) == part) for part in (TRAINING, VALIDATION, TEST)))


def _digest(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{text}".encode()).digest()


def settled_parts(divided: Iterable[Parts]) -> dict[str, str]:
    """By a text's letters, the part where it is."""
    return {
        text_key(text): name
        for parts in divided
        for name, texts in ((TRAINING, parts.train), (VALIDATION, parts.valid), (TEST, parts.test))
        for text in texts
    }
