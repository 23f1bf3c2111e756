"""The model in compiled C (kernels.c), in fp32, for CPUs; for one sequence the speed is bound by memory bandwidth.

N tokens of all sequences together, T tokens in a sequence, S slots, D embed_dim, H heads, K head dim, F ffn_dim,
V vocabulary, L layers.
"""

import ctypes
import threading
import weakref
from collections.abc import Sequence
from ctypes import POINTER, c_int64, c_void_p
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, TypeGuard

import numpy as np
import numpy.typing as npt

from tinychat.generation.compiling import NotCompiled, load_compiled
from tinychat.generation.decoder import Floats
from tinychat.generation.slot_cache import SlotCache
from tinychat.model import classic_config
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.config import ModelConfig

Ints = npt.NDArray[np.int64]
SOURCE = Path(__file__).with_name("kernels.c")

# As in kernels.c: the parts of a layer in order, the output layer, and no part.
PROJECTION, ATTENTION, OUT_PROJ, FFN_IN, FFN_OUT, OUTPUT, NONE = range(7)
PANEL = 16  # outputs that are interleaved in a packed weight
# The last axis of `Step.offsets`.
WEIGHT, BIAS, NORM_WEIGHT, NORM_BIAS = range(4)
# Indices into `Step.signals`, each in a cache line of its own.
LEADER, HELPER, PART, LAYER, COUNT = range(0, 40, 8)
SIGNALS = 40
BITS = 20
CHUNKS = (1 << BITS) - 1
MAX_TOKENS = 64  # of prompts in one call
ALIGNMENT = 16  # floats in a cache line
# The part and kind of each weight in classic_config.LAYER, in its order.
LAYER_PARTS = (
    (PROJECTION, WEIGHT),
    (PROJECTION, BIAS),
    (OUT_PROJ, WEIGHT),
    (OUT_PROJ, BIAS),
    (OUT_PROJ, NORM_WEIGHT),
    (OUT_PROJ, NORM_BIAS),
    (FFN_IN, WEIGHT),
    (FFN_IN, BIAS),
    (FFN_OUT, WEIGHT),
    (FFN_OUT, BIAS),
    (FFN_OUT, NORM_WEIGHT),
    (FFN_OUT, NORM_BIAS),
)
LAST_PARTS = ((OUTPUT, WEIGHT), (OUTPUT, BIAS), (OUTPUT, NORM_WEIGHT), (OUTPUT, NORM_BIAS))


class Step(NamedTuple):
    """The memory that both threads work on; `max_tokens` is the maximum of tokens in one call.

    weights        packed in the order of use; a weight as (panels, in, PANEL), zero-padded
    offsets        (L + 1, OUTPUT + 1, 4) into `weights`: a part's weight, its bias, and the weight and bias of the
                   layer norm after it; in the last row OUTPUT, whose norm is that of the input layer
    keys, values   (L, S, H, max_len, K)
    slots          (max_tokens,) each token's slot in the cache
    positions      (max_tokens,) its position in the sequence
    selected       (max_tokens,) the tokens whose logits are computed
    x              (max_tokens, D) the residual stream
    projected      (max_tokens, 3D) queries, keys and values
    mixed          (max_tokens, D) the output of the heads
    hidden         (max_tokens, F)
    branch         (max_tokens, D) the output of attention or feed-forward, which is added to `x`
    last           (max_tokens, D) `x` of the selected tokens
    helped         the helper's results for a part
    scores         (2, T) of one head, for each thread
    signals        (SIGNALS,)
    """

    weights: Floats
    offsets: Ints
    keys: Floats
    values: Floats
    slots: Ints
    positions: Ints
    selected: Ints
    x: Floats
    projected: Floats
    mixed: Floats
    hidden: Floats
    branch: Floats
    last: Floats
    helped: Floats
    scores: Floats
    signals: Ints


SIZES = ("n_layers", "n_slots", "n_heads", "max_len", "head_dim", "width", "ffn_dim", "vocab_size")


class StepInC(ctypes.Structure):
    """Sizes and addresses, as `Step` in kernels.c; `arrays` keeps the memory alive."""

    arrays: Step
    _fields_ = [(name, c_int64) for name in SIZES] + [(name, c_void_p) for name in Step._fields]


def in_c(step: Step, ffn_dim: int, vocab_size: int) -> StepInC:
    """A step as kernels.c expects it."""
    n_layers, n_slots, n_heads, max_len, head_dim = step.keys.shape
    sizes = (n_layers, n_slots, n_heads, max_len, head_dim, step.x.shape[1], ffn_dim, vocab_size)
    made = StepInC(*sizes, *(array.ctypes.data for array in step))
    made.arrays = step
    return made


def load_kernels() -> ctypes.CDLL:
    """The functions of kernels.c. Calls of them release the GIL.

    lead(step, N, M, logits (M, V))    the first N tokens of a step; the logits of its first M `selected`
    help_out(step)                     the helper's side

    Raises NotCompiled where there is no library.
    """
    kernels = load_compiled(SOURCE)
    try:
        kernels.step_bytes.restype = c_int64
        found = kernels.step_bytes()
        kernels.lead.argtypes = (POINTER(StepInC), c_int64, c_int64, c_void_p)
        kernels.help_out.argtypes = (POINTER(StepInC),)
        kernels.lead.restype = kernels.help_out.restype = None
    except AttributeError as error:
        raise NotCompiled("the compiled library lacks a function: {error}", error=error) from None
    if found != ctypes.sizeof(StepInC):
        raise NotCompiled(
            "the compiled library takes steps of {found} bytes instead of {wanted}",
            found=found,
            wanted=ctypes.sizeof(StepInC),
        )
    return kernels


class NativeDecoder:
    """The classic architecture as a `Decoder`, on one thread or two.

    The logits of a sequence are bit-identical in any batch and for any number of threads. `kernels` is what
    `load_kernels` gives.
    """

    def __init__(
        self, kernels: ctypes.CDLL, config: ClassicConfig, weights: dict[str, Floats], slots: int, threads: int = 1
    ) -> None:
        self.slots, self.vocab_size, self.max_len = slots, config.vocab_size, config.max_len
        self._cache = SlotCache(config, slots)
        self._words, self._positions, *_ = (weights[name] for name in classic_config.INPUT)  # (V, D), (max_len, D)
        packed, offsets = pack(config, weights)
        max_tokens, width, ffn_dim, vocab_size = (
            max(slots, MAX_TOKENS),
            config.embed_dim,
            config.ffn_dim,
            config.vocab_size,
        )
        widest = max(3 * width, ffn_dim, vocab_size)
        signals = np.zeros(SIGNALS, dtype=np.int64)
        signals[PART] = NONE
        x, projected, mixed, hidden, branch, last, helped = (
            _aligned(max_tokens * n).reshape(max_tokens, n)
            for n in (width, 3 * width, width, ffn_dim, width, width, widest)
        )
        self._step = Step(
            packed,
            offsets,
            self._cache.keys,
            self._cache.values,
            slots=np.zeros(max_tokens, dtype=np.int64),
            positions=np.zeros(max_tokens, dtype=np.int64),
            selected=np.zeros(max_tokens, dtype=np.int64),
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

    @staticmethod
    def computes(config: ModelConfig) -> TypeGuard[ClassicConfig]:
        """Whether it supports this architecture."""
        return isinstance(config, ClassicConfig)

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        """The tokens of all prompts go through the layers together, up to `max_tokens` at once; each attends to its own
        prompt.
        """
        lengths = self._cache.check_prompts(prompts, slots)
        ids = np.concatenate([np.asarray(prompt, dtype=np.int64) for prompt in prompts])  # (N,)
        positions = np.concatenate([np.arange(length) for length in lengths])  # (N,)
        slot_of_token = np.repeat(np.asarray(slots), lengths)  # (N,)
        ends = np.cumsum(lengths) - 1  # (B,)
        logits = np.empty((len(lengths), self.vocab_size), dtype=np.float32)
        max_tokens = len(self._step.x)
        for begin in range(0, len(ids), max_tokens):
            some = slice(begin, begin + max_tokens)
            first, last = np.searchsorted(ends, (begin, begin + max_tokens))
            self._compute(ids[some], slot_of_token[some], positions[some], ends[first:last] - begin, logits[first:last])
        self._cache.lengths[list(slots)] = lengths
        return logits

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        """Each new token attends to the cached tokens of its sequence, and to itself."""
        positions = self._cache.check_step(ids, slots)
        logits = np.empty((len(ids), self.vocab_size), dtype=np.float32)
        self._compute(np.asarray(ids), np.asarray(slots), positions, np.arange(len(ids)), logits)
        self._cache.lengths[list(slots)] += 1
        return logits

    def free(self, slots: Sequence[int]) -> None:
        self._cache.free(slots)

    def _compute(self, ids: Ints, slots: Ints, positions: Ints, selected: Ints, logits: Floats) -> None:
        """Run new tokens of the sequences in `slots`, at `positions`, (N,) each; writes the logits (M, V) of the tokens
        `selected` (M,).
        """
        step, n, m = self._step, len(ids), len(selected)
        np.add(self._words[ids], self._positions[positions], out=step.x[:n])
        step.slots[:n], step.positions[:n], step.selected[:m] = slots, positions, selected
        if self._helper:
            self._helper.wake()
        self._kernels.lead(self._in_c, n, m, logits.ctypes.data)


class Helper:
    """A thread that sleeps until it is woken, then helps with the current call, and ends with its owner."""

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
    """`size` zeros, aligned to a cache line."""
    memory = np.zeros(size + ALIGNMENT, dtype=np.float32)
    begin = -memory.ctypes.data // 4 % ALIGNMENT
    return memory[begin : begin + size]


def pack(config: ClassicConfig, weights: dict[str, Floats]) -> tuple[Floats, Ints]:
    """All weights as one array in the order of use, and the offsets in it (see `Step.offsets`)."""
    norm = [name for name in classic_config.INPUT if "norm" in name]
    names = {
        (layer, *part): f"decoder_layers.{layer}.{name}"
        for layer in range(config.n_layers)
        for part, name in zip(LAYER_PARTS, classic_config.LAYER, strict=True)
    } | {(config.n_layers, *part): name for part, name in zip(LAST_PARTS, [*classic_config.OUTPUT, *norm], strict=True)}
    sizes = [-(-len(weights[name]) // PANEL) * PANEL * weights[name][0].size for name in names.values()]
    packed = _aligned(sum(sizes))
    offsets = np.zeros((config.n_layers + 1, OUTPUT + 1, 4), dtype=np.int64)
    begin = 0
    for (index, name), size in zip(names.items(), sizes, strict=True):
        _pack_panels(weights[name], packed[begin : begin + size])
        offsets[index] = begin
        begin += size
    return packed, offsets


def _pack_panels(weight: Floats, panels: Floats) -> None:
    """A weight (out, in), or a vector (out,), as (panels, in, PANEL): PANEL outputs interleaved for each input, the
    last panel zero-padded.
    """
    rows = weight.reshape(len(weight), -1)
    packed = panels.reshape(-1, rows.shape[1], PANEL)
    whole = len(rows) // PANEL
    packed[:whole] = rows[: whole * PANEL].reshape(whole, PANEL, rows.shape[1]).transpose(0, 2, 1)
    rest = rows[whole * PANEL :]
    packed[whole:, :, : len(rest)] = rest.T
