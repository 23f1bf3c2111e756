"""The slots of the decoders without torch, and their key/value cache.

B sequences, T tokens in a sequence, S slots, H heads, K head dim, L layers.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinychat.model.config import ModelConfig


class Slots:
    """Which sequence each of S slots holds, and how long it is.

    lengths  (S,) tokens held in each slot; 0 where it is free
    """

    def __init__(self, slots: int, max_len: int) -> None:
        self.slots, self.max_len = slots, max_len
        self.lengths = np.zeros(slots, dtype=np.int64)

    def free(self, slots: Sequence[int]) -> None:
        """Free these slots."""
        self.lengths[list(slots)] = 0

    def check_prompts(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> npt.NDArray[np.int64]:
        """The length of each prompt. Raises ValueError where they do not fit into these slots."""
        lengths = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
        self._check_slots(slots, len(prompts))
        if self.lengths[list(slots)].any():
            raise ValueError(f"slots {list(slots)} are not all free")
        if not 0 < lengths.min() <= lengths.max() <= self.max_len:
            raise ValueError(f"{lengths.tolist()} new tokens; 1 to {self.max_len} are needed of each sequence")
        return lengths

    def check_step(self, ids: Sequence[int], slots: Sequence[int]) -> npt.NDArray[np.int64]:
        """The length of each of these sequences. Raises ValueError where one cannot be extended."""
        self._check_slots(slots, len(ids))
        lengths = self.lengths[list(slots)]
        if not lengths.all():
            raise ValueError(f"slots {list(slots)} do not all hold a sequence")
        if lengths.max() >= self.max_len:
            raise ValueError(f"a sequence would have more than max_len {self.max_len} tokens")
        return lengths

    def _check_slots(self, slots: Sequence[int], n: int) -> None:
        if n != len(slots) or not n:
            raise ValueError(f"{n} sequences for {len(slots)} slots")
        if len(set(slots)) != n or not 0 <= min(slots) <= max(slots) < self.slots:
            raise ValueError(f"slots {list(slots)}; each of 0 to {self.slots - 1} once at most")


class SlotCache(Slots):
    """Keys and values of up to S sequences in numpy arrays, one slot each.

    keys, values  (L, S, H, max_len, K)
    """

    def __init__(self, config: ModelConfig, slots: int) -> None:
        super().__init__(slots, config.max_len)
        # The system allocates memory only for pages that are written.
        shape = (config.n_layers, slots, config.n_heads, config.max_len, config.head_dim)
        self.keys = np.zeros(shape, dtype=np.float32)
        self.values = np.zeros(shape, dtype=np.float32)
