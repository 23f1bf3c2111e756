"""The model in compiled C (kernels.c), in fp32, for CPUs; for one sequence it reads the weights as fast as memory gives
them.

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

# As in kernels.c: the parts of a layer in their order, the one after all layers, and no part at all.
PROJECTION, ATTENTION, OUT_PROJ, FFN_IN, FFN_OUT, OUTPUT, NONE = range(7)
PANEL = 16  # numbers of a part's output that lie side by side in its weight
# The last axis of `Step.offsets`.
WEIGHT, BIAS, NORM_WEIGHT, NORM_BIAS = range(4)
# Of `Step.signals`, each in a cache line of its own.
LEADER, HELPER, PART, LAYER, COUNT = range(0, 40, 8)
SIGNALS = 40
BITS = 20
CHUNKS = (1 << BITS) - 1
MOST_TOKENS = 64  # of new prompts, at once
ALIGNMENT = 16  # floats in a cache line
# Which part reads each of the weights that the table of the architecture names, in its order.
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
    """All that both threads work on; `most` is the most tokens of one call.

    weights        what is read in a step, in the order of use; a weight as (panels, in, PANEL), zeros behind the last
    offsets        (L + 1, OUTPUT + 1, 4) where in it a part's weight, its bias and the weight and bias of the
                   layer norm behind it begin; in the last line OUTPUT, whose norm is that of the input layer
    keys, values   (L, S, H, max_len, K)
    slots          (most,) each token's slot in the cache
    positions      (most,) its position in the sequence
    selected       (most,) the tokens whose logits are to be made
    x              (most, D) what goes through the layers
    projected      (most, 3D) queries, keys and values
    mixed          (most, D) what the heads give
    hidden         (most, F)
    branch         (most, D) what is added to `x`
    last           (most, D) of `x`, the selected tokens
    helped         what the helper has computed of a part
    scores         (2, T) of one head, for each of the threads
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
    """Sizes and addresses, as `Step` in kernels.c; `arrays` is here so that what it points to lives as long."""

    arrays: Step
    _fields_ = [(name, c_int64) for name in SIZES] + [(name, c_void_p) for name in Step._fields]


def in_c(step: Step, ffn_dim: int, vocab_size: int) -> StepInC:
    """A step as kernels.c takes it."""
    n_layers, n_slots, n_heads, max_len, head_dim = step.keys.shape
    sizes = (n_layers, n_slots, n_heads, max_len, head_dim, step.x.shape[1], ffn_dim, vocab_size)
    made = StepInC(*sizes, *(array.ctypes.data for array in step))
    made.arrays = step
    return made


def load_kernels() -> ctypes.CDLL:
    """The functions of kernels.c. Calls of them do not hold Python's lock.

    lead(step, N, M, logits (M, V))    the first N tokens of a step; the logits of its first M `selected`
    help_out(step)                     the helper's side

    Raises NotCompiled where they cannot be had.
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
    """The classic architecture as a `Decoder`: one thread computes, or two that share the work.

    The logits of a sequence are the same to the last bit whatever else is computed beside it, and by how many threads.
    `kernels` is what `load_kernels` gives.
    """

    def __init__(
        self, kernels: ctypes.CDLL, config: ClassicConfig, weights: dict[str, Floats], slots: int, threads: int = 1
    ) -> None:
        self.slots, self.vocab_size, self.max_len = slots, config.vocab_size, config.max_len
        self._cache = SlotCache(config, slots)
        self._words, self._positions, *_ = (weights[name] for name in classic_config.INPUT)  # (V, D), (max_len, D)
        packed, offsets = pack(config, weights)
        most, width, ffn_dim, vocab_size = max(slots, MOST_TOKENS), config.embed_dim, config.ffn_dim, config.vocab_size
        widest = max(3 * width, ffn_dim, vocab_size)
        signals = np.zeros(SIGNALS, dtype=np.int64)
        signals[PART] = NONE
        x, projected, mixed, hidden, branch, last, helped = (
            _aligned(most * n).reshape(most, n) for n in (width, 3 * width, width, ffn_dim, width, width, widest)
        )
        self._step = Step(
            packed,
            offsets,
            self._cache.keys,
            self._cache.values,
            slots=np.zeros(most, dtype=np.int64),
            positions=np.zeros(most, dtype=np.int64),
            selected=np.zeros(most, dtype=np.int64),
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
        """Whether it can compute models of this architecture."""
        return isinstance(config, ClassicConfig)

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        """The tokens of all prompts go through the layers together, as many at once as there is room for; each attends
        to its own prompt.
        """
        lengths = self._cache.check_prompts(prompts, slots)
        ids = np.concatenate([np.asarray(prompt, dtype=np.int64) for prompt in prompts])  # (N,)
        positions = np.concatenate([np.arange(length) for length in lengths])  # (N,)
        slot_of_token = np.repeat(np.asarray(slots), lengths)  # (N,)
        ends = np.cumsum(lengths) - 1  # (B,)
        logits = np.empty((len(lengths), self.vocab_size), dtype=np.float32)
        most = len(self._step.x)
        for begin in range(0, len(ids), most):
            some = slice(begin, begin + most)
            first, last = np.searchsorted(ends, (begin, begin + most))
            self._compute(ids[some], slot_of_token[some], positions[some], ends[first:last] - begin, logits[first:last])
        self._cache.lengths[list(slots)] = lengths
        return logits

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        """Each new token attends to what the cache holds of its sequence, and to itself."""
        positions = self._cache.check_step(ids, slots)
        logits = np.empty((len(ids), self.vocab_size), dtype=np.float32)
        self._compute(np.asarray(ids), np.asarray(slots), positions, np.arange(len(ids)), logits)
        self._cache.lengths[list(slots)] += 1
        return logits

    def free(self, slots: Sequence[int]) -> None:
        self._cache.free(slots)

    def _compute(self, ids: Ints, slots: Ints, positions: Ints, selected: Ints, logits: Floats) -> None:
        """New tokens of the sequences in `slots`, at `positions` in them, (N,) each → into `logits` (M, V) those of the
        tokens `selected` (M,).
        """
        step, n, m = self._step, len(ids), len(selected)
        np.add(self._words[ids], self._positions[positions], out=step.x[:n])
        step.slots[:n], step.positions[:n], step.selected[:m] = slots, positions, selected
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


def pack(config: ClassicConfig, weights: dict[str, Floats]) -> tuple[Floats, Ints]:
    """All that a step reads as one array in the order of use, and where each of it begins (see `Step.offsets`)."""
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
    for (place, name), size in zip(names.items(), sizes, strict=True):
        _pack_panels(weights[name], packed[begin : begin + size])
        offsets[place] = begin
        begin += size
    return packed, offsets


def _pack_panels(weight: Floats, panels: Floats) -> None:
    """A weight (out, in), or a vector (out,), as the compiled loops read it: PANEL outputs side by side for each input,
    the last ones zeros where `out` does not come out even.
    """
    lines = weight.reshape(len(weight), -1)
    packed = panels.reshape(-1, lines.shape[1], PANEL)
    whole = len(lines) // PANEL
    packed[:whole] = lines[: whole * PANEL].reshape(whole, PANEL, lines.shape[1]).transpose(0, 2, 1)
    rest = lines[whole * PANEL :]
    packed[whole:, :, : len(rest)] = rest.T
