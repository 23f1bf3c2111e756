"""What the engine asks of whatever computes the model: read prompts, go on by a token, free a slot."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Decoder(Protocol):
    """A model with a key/value cache for so many sequences, a slot each, allocated once. V is `vocab_size`.

    Where a call raises, what the slots hold is unknown: free them.
    """

    @property
    def vocab_size(self) -> int:
        """Number of logits."""

    @property
    def max_len(self) -> int:
        """The most tokens of a sequence."""

    @property
    def slots(self) -> int:
        """The most sequences at once; slots are numbered from 0."""

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        """Read new sequences into free slots; logits (n, V) of the token after each."""

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        """Lengthen the sequences in these slots by a token each; logits (n, V) of the token after each."""

    def free(self, slots: Sequence[int]) -> None:
        """Forget the sequences in these slots."""
