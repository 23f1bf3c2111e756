"""The model with int8 weights in compiled C (int8.c), for CPUs: a quarter of the memory traffic of fp32.

N tokens of all sequences together, B sequences, S slots, D embed_dim, F ffn_dim, V vocabulary, L layers.
"""

import ctypes
from collections.abc import Sequence
from ctypes import c_int32, c_size_t, c_void_p
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from tinychat.generation.compiling import NotCompiled, load_compiled
from tinychat.generation.decoder import Floats
from tinychat.generation.slot_cache import Slots
from tinychat.model.classic_config import INPUT, LAYER, OUTPUT, ClassicConfig
from tinychat.model.config import ModelConfig
from tinychat.quantizing import INT8, quantize_rows

Ints = npt.NDArray[np.int32]
SOURCE = Path(__file__).with_name("int8.c")
MAX_TOKENS = 64  # of prompts in one call
ALIGNMENT = 64  # bytes in a cache line

# The arrays of a model, as `array_of` in int8.c numbers them.
WORDS, WORD_SCALES, POSITIONS, NORM_WEIGHT, NORM_BIAS = range(5)
STATES = 9  # hidden states of the last call, (MAX_TOKENS, D)
LAYER_ARRAYS = 16  # of the first layer; each layer has as many, the output layer follows
PROJECTION, OUT_PROJ, FFN_IN, FFN_OUT = range(0, 12, 3)  # the panels of a product; scales and bias follow
NORM1_WEIGHT, NORM1_BIAS, NORM2_WEIGHT, NORM2_BIAS = range(12, 16)


def load_int8_kernels() -> ctypes.CDLL:
    """The functions of int8.c. Calls of them release the GIL. Raises NotCompiled where there is no library."""
    kernels = load_compiled(SOURCE)
    signatures = {
        "arrange": ([c_void_p, *[c_int32] * 9], c_size_t),
        "array_of": ([c_void_p, c_int32], c_void_p),
        "pack": ([c_void_p, c_int32, c_int32, c_void_p], None),
        "forward": ([c_void_p, c_int32, c_void_p, c_void_p, c_void_p], None),
        "logits_of": ([c_void_p, c_void_p, c_int32, c_void_p], None),
    }
    try:
        for name, (arguments, result) in signatures.items():
            function = getattr(kernels, name)
            function.argtypes, function.restype = arguments, result
    except AttributeError as error:
        raise NotCompiled("the compiled library lacks a function: {error}", error=error) from None
    return kernels


class Int8Decoder:
    """The classic architecture as a `Decoder`, with int8 weights, on one thread.

    The logits of a sequence are bit-identical in any batch: sums of products are whole numbers. `kernels` is what
    `load_int8_kernels` gives; `largest` the largest number of a row, such as INT6.
    """

    def __init__(
        self,
        kernels: ctypes.CDLL,
        config: ClassicConfig,
        weights: dict[str, Floats],
        slots: int,
        largest: int = INT8,
    ) -> None:
        self._largest = largest
        self.slots, self.vocab_size, self.max_len = slots, config.vocab_size, config.max_len
        self._kernels, self._held = kernels, Slots(slots, config.max_len)
        self._max_tokens = max(slots, MAX_TOKENS)
        sizes = (
            config.n_layers,
            slots,
            config.n_heads,
            config.max_len,
            config.embed_dim,
            config.ffn_dim,
            config.vocab_size,
            self._max_tokens,
            0,
        )
        size = kernels.arrange(None, *sizes)
        # The system allocates memory only for pages that are written: not for the cache of slots that are not used.
        self._memory = np.zeros(size + ALIGNMENT, dtype=np.uint8)
        self._model = -(-self._memory.ctypes.data // ALIGNMENT) * ALIGNMENT
        kernels.arrange(self._model, *sizes)
        self._fill(config, weights)
        begin = kernels.array_of(self._model, STATES) - self._memory.ctypes.data
        states = self._memory[begin : begin + self._max_tokens * config.embed_dim * 4]
        self._states: Floats = states.view(np.float32).reshape(self._max_tokens, config.embed_dim)

    @staticmethod
    def computes(config: ModelConfig) -> TypeGuard[ClassicConfig]:
        """Whether it supports this architecture."""
        return isinstance(config, ClassicConfig)

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        """The tokens of all prompts go through the layers together, up to `MAX_TOKENS` at once."""
        lengths = self._held.check_prompts(prompts, slots)
        ids = np.concatenate([np.asarray(prompt, dtype=np.int32) for prompt in prompts])  # (N,)
        positions = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])  # (N,)
        slot_of_token = np.repeat(np.asarray(slots, dtype=np.int32), lengths)  # (N,)
        ends = np.cumsum(lengths) - 1  # (B,)
        last = np.empty((len(lengths), self._states.shape[1]), dtype=np.float32)  # (B, D)
        for begin in range(0, len(ids), self._max_tokens):
            some = slice(begin, begin + self._max_tokens)
            self._forward(ids[some], slot_of_token[some], positions[some])
            first, after = np.searchsorted(ends, (begin, begin + self._max_tokens))
            last[first:after] = self._states[ends[first:after] - begin]
        self._held.lengths[list(slots)] = lengths
        return self._logits(last)

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        """Each new token attends to the cached tokens of its sequence, and to itself."""
        positions = self._held.check_step(ids, slots)
        self._forward(np.array(ids, dtype=np.int32), np.array(slots, dtype=np.int32), positions.astype(np.int32))
        self._held.lengths[list(slots)] += 1
        return self._logits(self._states[: len(ids)])

    def free(self, slots: Sequence[int]) -> None:
        self._held.free(slots)

    def all_logits(self, ids: Sequence[int]) -> Floats:
        """The logits (T, V) of every token of a sequence, in the first slot, which is free afterwards."""
        parts = []
        for begin in range(0, len(ids), self._max_tokens):
            some = np.asarray(ids[begin : begin + self._max_tokens], dtype=np.int32)
            self._forward(some, np.zeros_like(some), np.arange(begin, begin + len(some), dtype=np.int32))
            parts.append(self._logits(self._states[: len(some)]))
        return np.concatenate(parts)

    def _forward(self, ids: Ints, slots: Ints, positions: Ints) -> None:
        """New tokens of the sequences in `slots`, at `positions`, (N,) each; their hidden states are in `_states`."""
        assert ids.min() >= 0 and ids.max() < self.vocab_size  # C reads what it is given
        arrays = (ids.ctypes.data, slots.ctypes.data, positions.ctypes.data)
        self._kernels.forward(self._model, len(ids), *arrays)

    def _logits(self, states: Floats) -> Floats:
        """(B, D) → (B, V)."""
        logits = np.empty((len(states), self.vocab_size), dtype=np.float32)
        self._kernels.logits_of(self._model, states.ctypes.data, len(states), logits.ctypes.data)
        return logits

    def _fill(self, config: ClassicConfig, weights: dict[str, Floats]) -> None:
        words, positions, *norm = (weights[name] for name in INPUT)
        whole, scales = quantize_rows(words, self._largest)
        arrays: list[npt.NDArray[Any]] = [whole, scales, positions, *norm]
        for number, array in enumerate(arrays):
            self._put(WORDS + number, array)
        for layer in range(config.n_layers):
            first = LAYER_ARRAYS * (layer + 1)
            in_w, in_b, out_w, out_b, norm1_w, norm1_b, wide_w, wide_b, narrow_w, narrow_b, norm2_w, norm2_b = (
                weights[f"decoder_layers.{layer}.{part}"] for part in LAYER
            )
            self._put_linear(first + PROJECTION, in_w, in_b)
            self._put_linear(first + OUT_PROJ, out_w, out_b)
            self._put_linear(first + FFN_IN, wide_w, wide_b)
            self._put_linear(first + FFN_OUT, narrow_w, narrow_b)
            norms = {NORM1_WEIGHT: norm1_w, NORM1_BIAS: norm1_b, NORM2_WEIGHT: norm2_w, NORM2_BIAS: norm2_b}
            for part, norm_array in norms.items():
                self._put(first + part, norm_array)
        self._put_linear(LAYER_ARRAYS * (config.n_layers + 1), *(weights[name] for name in OUTPUT))

    def _put_linear(self, number: int, weight: Floats, bias: Floats) -> None:
        whole, scales = quantize_rows(weight, self._largest)
        out, width = weight.shape
        self._kernels.pack(whole.ctypes.data, width, out, self._kernels.array_of(self._model, number))
        self._put(number + 1, scales)
        self._put(number + 2, bias)

    def _put(self, number: int, array: npt.NDArray[np.generic]) -> None:
        array = np.ascontiguousarray(array)
        ctypes.memmove(self._kernels.array_of(self._model, number), array.ctypes.data, array.nbytes)
