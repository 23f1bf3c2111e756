"""The model in compiled C, in fp32, for CPUs; for one sentence it reads the weights as fast as memory gives them.

N tokens of all sentences together, T tokens in a sentence, D embed_dim, H heads, K head dim, F ffn_dim, V vocabulary,
L layers.
"""

import ctypes
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from tinychat.generation.cache import CachedDecoder
from tinychat.generation.decoder import Floats
from tinychat.generation.native import (
    BIAS,
    FFN_IN,
    FFN_OUT,
    NONE,
    NORM_BIAS,
    NORM_WEIGHT,
    OUT_PROJ,
    OUTPUT,
    PANEL,
    PART,
    PROJECTION,
    SIGNALS,
    WEIGHT,
    Ints,
    Step,
    StepInC,
    in_c,
    load_kernels,
)
from tinychat.model.config import ModelConfig, load_config
from tinychat.model.weights import load_weights

MOST_TOKENS = 64  # of new prompts, at once
ALIGNMENT = 16  # floats in a cache line
# Which weights a layer's parts read, and which those behind all layers.
IN_LAYER = {
    (PROJECTION, WEIGHT): "self_attn.in_proj_weight",
    (PROJECTION, BIAS): "self_attn.in_proj_bias",
    (OUT_PROJ, WEIGHT): "self_attn.out_proj.weight",
    (OUT_PROJ, BIAS): "self_attn.out_proj.bias",
    (OUT_PROJ, NORM_WEIGHT): "norm1.weight",
    (OUT_PROJ, NORM_BIAS): "norm1.bias",
    (FFN_IN, WEIGHT): "ffn.0.weight",
    (FFN_IN, BIAS): "ffn.0.bias",
    (FFN_OUT, WEIGHT): "ffn.2.weight",
    (FFN_OUT, BIAS): "ffn.2.bias",
    (FFN_OUT, NORM_WEIGHT): "norm2.weight",
    (FFN_OUT, NORM_BIAS): "norm2.bias",
}
BEHIND = {
    (OUTPUT, WEIGHT): "output_layer.weight",
    (OUTPUT, BIAS): "output_layer.bias",
    (OUTPUT, NORM_WEIGHT): "input_layer.norm.weight",
    (OUTPUT, NORM_BIAS): "input_layer.norm.bias",
}


class NativeDecoder(CachedDecoder):
    """The classic architecture as a `Decoder`: one thread computes, or two that share the work.

    The logits of a sentence are the same to the last bit whatever else is computed beside it, and by how many threads.
    `kernels` is what `load_kernels` gives.
    """

    def __init__(
        self, kernels: ctypes.CDLL, config: ModelConfig, weights: dict[str, Floats], rows: int, threads: int = 1
    ) -> None:
        super().__init__(config, rows)
        self._words = weights["input_layer.word_embedding.weight"]  # (V, D)
        self._places = weights["input_layer.pos_embedding.weight"]  # (max_len, D)
        packed, places = _packed(config, weights)
        most, width, ffn_dim, vocab_size = max(rows, MOST_TOKENS), config.embed_dim, config.ffn_dim, config.vocab_size
        widest = max(3 * width, ffn_dim, vocab_size)
        signals = np.zeros(SIGNALS, dtype=np.int64)
        signals[PART] = NONE
        x, projected, mixed, hidden, branch, last, helped = (
            _aligned(most * n).reshape(most, n) for n in (width, 3 * width, width, ffn_dim, width, width, widest)
        )
        self._step = Step(
            packed,
            places,
            self._keys,
            self._values,
            sentences=np.zeros(most, dtype=np.int64),
            positions=np.zeros(most, dtype=np.int64),
            wanted=np.zeros(most, dtype=np.int64),
            x=x,
            projected=projected,
            mixed=mixed,
            hidden=hidden,
            branch=branch,
            last=last,
            helped=helped.reshape(-1),
            scores=np.zeros((2, config.max_len), dtype=np.float32),
            signals=signals,
        )
        self._kernels, self._in_c = kernels, in_c(self._step, ffn_dim, vocab_size)
        self._helper = Helper(kernels, self._in_c) if threads > 1 else None

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Floats:
        """The tokens of all prompts go through the layers together, as many at once as there is room for; each attends
        to its own prompt.
        """
        lengths = self._checked_lengths(prompts)
        ids = np.concatenate([np.asarray(prompt, dtype=np.int64) for prompt in prompts])  # (N,)
        places = np.concatenate([np.arange(length) for length in lengths])  # (N,)
        rows = np.repeat(np.arange(len(lengths)) + len(self._lengths), lengths)  # (N,)
        ends = np.cumsum(lengths) - 1  # (B,)
        logits = np.empty((len(lengths), self.vocab_size), dtype=np.float32)
        most = len(self._step.x)
        for begin in range(0, len(ids), most):
            some = slice(begin, begin + most)
            first, behind = np.searchsorted(ends, (begin, begin + most))
            self._compute(ids[some], rows[some], places[some], ends[first:behind] - begin, logits[first:behind])
        self._lengths = np.concatenate([self._lengths, lengths])
        return logits

    def step(self, ids: Sequence[int]) -> Floats:
        """Each new token attends to what the cache holds of its sentence, and to itself."""
        self._check_growing(ids)
        rows = np.arange(len(ids))
        logits = np.empty((len(ids), self.vocab_size), dtype=np.float32)
        self._compute(np.asarray(ids), rows, self._lengths, rows, logits)
        self._lengths = self._lengths + 1
        return logits

    def _compute(self, ids: Ints, rows: Ints, places: Ints, wanted: Ints, logits: Floats) -> None:
        """New tokens of the sentences `rows`, at `places` in them, (N,) each → into `logits` (M, V) those of the tokens
        `wanted` (M,).
        """
        step, n, m = self._step, len(ids), len(wanted)
        np.add(self._words[ids], self._places[places], out=step.x[:n])
        step.sentences[:n], step.positions[:n], step.wanted[:m] = rows, places, wanted
        if self._helper:
            self._helper.wake()
        self._kernels.lead(self._in_c, n, m, logits.ctypes.data)


class Helper:
    """A thread that sleeps until it is woken, then helps with the call that is under way, and ends with its owner."""

    def __init__(self, kernels: ctypes.CDLL, step: StepInC) -> None:
        self._calls: SimpleQueue[bool] = SimpleQueue()
        arguments = (self._calls, kernels, step)
        threading.Thread(target=_help, args=arguments, name="tinychat-helper", daemon=True).start()
        weakref.finalize(self, self._calls.put, False)

    def wake(self) -> None:
        self._calls.put(True)


def _help(calls: "SimpleQueue[bool]", kernels: ctypes.CDLL, step: StepInC) -> None:
    while calls.get():
        kernels.help_out(step)


def _aligned(size: int) -> Floats:
    """So many zeros from the beginning of a cache line on."""
    memory = np.zeros(size + ALIGNMENT, dtype=np.float32)
    begin = -memory.ctypes.data // 4 % ALIGNMENT
    return memory[begin : begin + size]


def _packed(config: ModelConfig, weights: dict[str, Floats]) -> tuple[Floats, Ints]:
    """All that a step reads as one array in the order of use, and where each of it begins (see `Step.places`)."""
    names = {
        (layer, *place): f"decoder_layers.{layer}.{name}"
        for layer in range(config.n_layers)
        for place, name in IN_LAYER.items()
    } | {(config.n_layers, *place): name for place, name in BEHIND.items()}
    sizes = [-(-len(weights[name]) // PANEL) * PANEL * weights[name][0].size for name in names.values()]
    packed = _aligned(sum(sizes))
    places = np.zeros((config.n_layers + 1, OUTPUT + 1, 4), dtype=np.int64)
    begin = 0
    for (place, name), size in zip(names.items(), sizes, strict=True):
        _lay_in_panels(weights[name], packed[begin : begin + size])
        places[place] = begin
        begin += size
    return packed, places


def _lay_in_panels(weight: Floats, panels: Floats) -> None:
    """A weight (out, in), or a vector (out,), as the compiled loops read it: PANEL outputs side by side for each input,
    the last ones zeros where `out` does not come out even.
    """
    lines = weight.reshape(len(weight), -1)
    laid = panels.reshape(-1, lines.shape[1], PANEL)
    whole = len(lines) // PANEL
    laid[:whole] = lines[: whole * PANEL].reshape(whole, PANEL, lines.shape[1]).transpose(0, 2, 1)
    rest = lines[whole * PANEL :]
    laid[whole:, :, : len(rest)] = rest.T


def load_native_decoder(folder: str | Path, rows: int, threads: int = 1) -> NativeDecoder:
    """The model in `folder`, with room for `rows` sentences at once.

    Raises NotCompiled where the compiled loops cannot be had, InputError as `load_weights` does.
    """
    kernels = load_kernels()
    config = load_config(folder)
    return NativeDecoder(kernels, config, load_weights(folder, config), rows, threads)
