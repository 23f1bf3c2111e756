"""What the engine asks of whatever computes the model: read prompts, go on by a token, forget who has finished."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Decoder(Protocol):
    """A model with a key/value cache for `rows` sentences, allocated once.

    The sentences that it holds are numbered 0 … n - 1, in the order in which they came. V is `vocab_size`.
    """

    @property
    def vocab_size(self) -> int:
        """How many logits there are."""

    @property
    def max_len(self) -> int:
        """The most tokens that a sentence may have."""

    @property
    def rows(self) -> int:
        """The most sentences that it holds at once."""

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Floats:
        """Take in new sentences behind those that are there; logits (n_new, V) of the token after each."""

    def step(self, ids: Sequence[int]) -> Floats:
        """Lengthen every sentence by one token; logits (n, V) of the token after each."""

    def keep(self, sentences: Sequence[int]) -> None:
        """Hold these sentences only (rising numbers), which get the numbers 0, 1, …; the others' places are free."""
