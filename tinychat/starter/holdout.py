"""Train, validation and test split of phrasings, names and questions, by the hash of each text."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tinychat.corpus.text_keys import text_key

VALID_SHARE = 0.04  # for validation, besides what is held out for the test
TRAIN, VALID, TEST = "train", "valid", "test"


@dataclass(frozen=True)
class HoldOut:
    """Texts to train on, held out for validation, and held out for the test."""

    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def held_out(self) -> tuple[str, ...]:
        """All that is not trained on."""
        return self.valid + self.test


def hold_out(texts: Sequence[str], test: float, seed: int, n_always: int = 0, valid: float = VALID_SHARE) -> HoldOut:
    """Hold out these shares of the texts, ranked by hash: a new text moves few others. The first `n_always` of them
    are trained on.
    """
    ranked = sorted(texts[n_always:], key=lambda text: _digest(text, seed))
    n_test = round(len(texts) * test)
    n_held_out = n_test + round(len(texts) * valid)
    tested, validated = set(ranked[:n_test]), set(ranked[n_test:n_held_out])
    return _hold_out(texts, lambda text: TEST if text in tested else VALID if text in validated else TRAIN)


def hold_out_by_hash(
    texts: Sequence[str],
    test: float,
    seed: int,
    assigned: Mapping[str, str],
    valid: float = VALID_SHARE,
    *,
    key: Callable[[str], str] = text_key,
) -> HoldOut:
    """Hold out about these shares of the texts: texts with the same key, whatever their spaces and marks, get the same
    split in every list.

    `assigned`: by the text's key, the split that it has elsewhere and keeps here.
    """

    def split_of(text: str) -> str:
        fraction = int.from_bytes(_digest(key(text), seed)[:8], "big") / 2**64
        by_hash = TEST if fraction < test else VALID if fraction < test + valid else TRAIN
        return assigned.get(key(text), by_hash)

    split = _hold_out(texts, split_of)
    return split if split.train else HoldOut(tuple(texts), (), ())  # a scene with one or two phrasings needs one


def _hold_out(texts: Sequence[str], split_of: Callable[[str], str]) -> HoldOut:
    return HoldOut(*(tuple(text for text in texts if split_of(text) == name) for name in (TRAIN, VALID, TEST)))


def _digest(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{text}".encode()).digest()


def assigned_splits(splits: Iterable[HoldOut]) -> dict[str, str]:
    """The split of each text, by its key."""
    return {
        text_key(text): name
        for split in splits
        for name, texts in ((TRAIN, split.train), (VALID, split.valid), (TEST, split.test))
        for text in texts
    }
