"""The interface of decoders, which compute logits for the engine: prefill, step, free."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Decoder(Protocol):
    """A model with a key/value cache that is allocated once, one slot per sequence. V is `vocab_size`.

    After a call that raises, the content of the slots is undefined: free them.
    """

    @property
    def vocab_size(self) -> int:
        """Number of logits."""

    @property
    def max_len(self) -> int:
        """The maximum number of tokens in a sequence."""

    @property
    def slots(self) -> int:
        """The maximum number of sequences at once; slots are numbered from 0."""

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        """Read new sequences into free slots; logits (n, V) for the next token of each."""

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        """Append a token to each of the sequences in these slots; logits (n, V) for the next token of each."""

    def free(self, slots: Sequence[int]) -> None:
        """Free these slots."""
