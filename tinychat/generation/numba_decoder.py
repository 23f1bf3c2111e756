"""The model in compiled loops, in fp32, for CPUs; for one sentence it reads the weights as fast as memory gives them.

N tokens of all sentences together, T tokens in a sentence, D embed_dim, H heads, K head dim, F ffn_dim, V vocabulary,
L layers.

The first process that loads a model compiles for some seconds, later ones read what was compiled.
"""

import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from tinychat.generation.decoder import Floats
from tinychat.generation.numba_kernels import (
    ATTENTION,
    BIAS,
    FFN_IN,
    FFN_OUT,
    NONE,
    NORM_BIAS,
    NORM_WEIGHT,
    OUT_PROJ,
    OUTPUT,
    PART,
    PROJECTION,
    SIGNALS,
    WEIGHT,
    Ints,
    Step,
    help_out,
    lead,
)
from tinychat.generation.numpy_decoder import Linear, NumpyDecoder
from tinychat.model.config import ModelConfig, load_config
from tinychat.model.weights import load_weights

MOST_TOKENS = 64  # of new prompts: numpy's products are as fast from there on
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


class NumbaDecoder(NumpyDecoder):
    """The classic architecture as a `Decoder`: one thread computes, or two that share the work.

    Short prompts go through the compiled loops as well, long ones through numpy, with one thread.
    """

    def __init__(self, config: ModelConfig, weights: dict[str, Floats], rows: int, threads: int = 1) -> None:
        packed, places, weights = _packed(config, weights)
        super().__init__(config, weights, rows)
        most, width, ffn_dim = max(rows, MOST_TOKENS), config.embed_dim, config.ffn_dim
        sizes = np.zeros(OUTPUT + 1, dtype=np.int64)
        sizes[[PROJECTION, ATTENTION, OUT_PROJ]] = 3 * width, width, width
        sizes[[FFN_IN, FFN_OUT, OUTPUT]] = ffn_dim, width, config.vocab_size
        signals = np.zeros(SIGNALS, dtype=np.int64)
        signals[PART] = NONE
        x, projected, mixed, hidden, branch, last, helped = (
            np.zeros((most, n), dtype=np.float32) for n in (width, 3 * width, width, ffn_dim, width, width, sizes.max())
        )
        self._step = Step(
            packed,
            places,
            sizes,
            self._keys,
            self._values,
            sentences=np.zeros(most, dtype=np.int64),
            positions=np.zeros(most, dtype=np.int64),
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
        self._helper = Helper(self._step) if threads > 1 else None

    @staticmethod
    def _linear(weight: Floats, bias: Floats) -> Linear:
        """As it lies in the file, which is how the compiled loops read it; numpy multiplies by it transposed."""
        return Linear(weight.T, bias)

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Floats:
        """The tokens of all prompts go through the layers together; each attends to its own prompt."""
        lengths = self._checked_lengths(prompts)
        if lengths.sum() > MOST_TOKENS:
            return super().prefill(prompts)
        ids = np.concatenate([np.asarray(prompt, dtype=np.int64) for prompt in prompts])  # (N,)
        places = np.concatenate([np.arange(length) for length in lengths])  # (N,)
        rows = np.repeat(np.arange(len(lengths)) + len(self._lengths), lengths)  # (N,)
        logits = self._compute(ids, rows, places, np.cumsum(lengths) - 1)
        self._lengths = np.concatenate([self._lengths, lengths])
        return logits

    def step(self, ids: Sequence[int]) -> Floats:
        """Each new token attends to what the cache holds of its sentence, and to itself."""
        self._checked_longest(ids)
        rows = np.arange(len(ids))
        logits = self._compute(np.asarray(ids), rows, self._lengths, rows)
        self._lengths = self._lengths + 1
        return logits

    def compile(self) -> None:
        """What else the first prompt would do. It has an effect on an empty decoder only."""
        # Of these the helper finds nothing to do. It comes first, so that its thread finds it compiled.
        for call in (lambda: help_out(self._step), lambda: self.prefill([[0]])):
            try:
                call()
            except OSError:  # compiled, but there was no room to keep it
                call()
            self.keep([])

    def _compute(self, ids: Ints, rows: Ints, places: Ints, wanted: Ints) -> Floats:
        """New tokens of the sentences `rows`, at `places` in them, (N,) each → logits (M, V) of those `wanted` (M,)."""
        step, n = self._step, len(ids)
        np.add(self._words[ids], self._places[places], out=step.x[:n])
        step.sentences[:n], step.positions[:n] = rows, places
        logits = np.empty((len(wanted), self.vocab_size), dtype=np.float32)
        if self._helper:
            self._helper.wake()
        lead(step, n, wanted, logits)
        return logits


class Helper:
    """A thread that sleeps until it is woken, then helps with the call that is under way, and ends with its owner."""

    def __init__(self, step: Step) -> None:
        self._calls: SimpleQueue[bool] = SimpleQueue()
        threading.Thread(target=_help, args=(self._calls, step), name="tinychat-helper", daemon=True).start()
        weakref.finalize(self, self._calls.put, False)

    def wake(self) -> None:
        self._calls.put(True)


def _help(calls: "SimpleQueue[bool]", step: Step) -> None:
    while calls.get():
        help_out(step)


def _packed(config: ModelConfig, weights: dict[str, Floats]) -> tuple[Floats, Ints, dict[str, Floats]]:
    """All that a step reads as one array in the order of use, where each of it begins (see `Step.places`), and all
    weights by name, of which these are parts of that array.
    """
    names = {
        (layer, *place): f"decoder_layers.{layer}.{name}"
        for layer in range(config.n_layers)
        for place, name in IN_LAYER.items()
    } | {(config.n_layers, *place): name for place, name in BEHIND.items()}
    sizes = [-(-weights[name].size // ALIGNMENT) * ALIGNMENT for name in names.values()]
    memory = np.empty(sum(sizes) + ALIGNMENT, dtype=np.float32)
    packed = memory[-memory.ctypes.data // 4 % ALIGNMENT :]
    places = np.zeros((config.n_layers + 1, OUTPUT + 1, 4), dtype=np.int64)
    named = dict(weights)
    begin = 0
    for (place, name), size in zip(names.items(), sizes, strict=True):
        weight = weights[name]
        named[name] = packed[begin : begin + weight.size].reshape(weight.shape)
        named[name][...] = weight
        places[place] = begin
        begin += size
    return packed, places, named


def load_numba_decoder(folder: str | Path, rows: int, threads: int = 1) -> NumbaDecoder:
    """The model in `folder`, with room for `rows` sentences at once, compiled. Raises InputError as `load_weights`."""
    config = load_config(folder)
    decoder = NumbaDecoder(config, load_weights(folder, config), rows, threads)
    decoder.compile()
    return decoder
