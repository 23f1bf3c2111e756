"""The keys and values that a decoder in numpy's memory keeps of its sentences.

B sentences, T tokens in a sentence, H heads, K head dim, L layers.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinychat.model.config import ModelConfig


class CachedDecoder:
    """What the `Decoder`s on a CPU have in common: room for `rows` sentences, and what they refuse."""

    def __init__(self, config: ModelConfig, rows: int) -> None:
        self.config, self.rows = config, rows
        self.vocab_size, self.max_len = config.vocab_size, config.max_len
        # The system gives memory only to what is written.
        cache = (config.n_layers, rows, config.n_heads, config.max_len, config.head_dim)  # (L, B, H, T, K)
        self._keys = np.zeros(cache, dtype=np.float32)
        self._values = np.zeros(cache, dtype=np.float32)
        self._lengths = np.zeros(0, dtype=np.int64)  # (B,) tokens of each sentence that is held

    def keep(self, sentences: Sequence[int]) -> None:
        """What stays moves together to the front, oldest first, so nothing is overwritten before it has moved."""
        for place, sentence in enumerate(sentences):
            if place != sentence:
                length = self._lengths[sentence]
                self._keys[:, place, :, :length] = self._keys[:, sentence, :, :length]
                self._values[:, place, :, :length] = self._values[:, sentence, :, :length]
        self._lengths = self._lengths[list(sentences)]

    def _checked_lengths(self, prompts: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
        """How many tokens each prompt has. Raises ValueError where there is no room for them."""
        lengths = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
        n = len(self._lengths) + len(prompts)
        if n > self.rows:
            raise ValueError(f"{n} sentences; this decoder holds {self.rows}")
        if not prompts or not 0 < lengths.min() <= lengths.max() <= self.max_len:
            raise ValueError(f"prompts of {lengths.tolist()} tokens; one of 1 to {self.max_len} is needed")
        return lengths

    def _check_growing(self, ids: Sequence[int]) -> None:
        """Raises ValueError where not every sentence gets a token, or one cannot be lengthened."""
        n = len(self._lengths)
        if len(ids) != n or not n:
            raise ValueError(f"{len(ids)} tokens for {n} sentences")
        if self._lengths.max() >= self.max_len:
            raise ValueError(f"a sentence has max_len {self.max_len} tokens and cannot grow")
