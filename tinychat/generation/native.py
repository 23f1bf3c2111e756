"""kernels.c as Python calls it.

N tokens, T tokens in a sentence, D embed_dim, H heads, K head dim, F ffn_dim, V vocabulary, L layers.
"""

import ctypes
from ctypes import POINTER, c_int64, c_void_p
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinychat.generation.compiling import NotCompiled, load_compiled
from tinychat.generation.decoder import Floats

Ints = npt.NDArray[np.int64]
SOURCE = Path(__file__).with_name("kernels.c")

# As in kernels.c: the parts of a layer in their order, the one after all layers, and no part at all.
PROJECTION, ATTENTION, OUT_PROJ, FFN_IN, FFN_OUT, OUTPUT, NONE = range(7)
PANEL = 16  # numbers of a part's output that lie side by side in its weight
# The last axis of `Step.places`.
WEIGHT, BIAS, NORM_WEIGHT, NORM_BIAS = range(4)
# Of `Step.signals`, each in a cache line of its own.
LEADER, HELPER, PART, LAYER, COUNT = range(0, 40, 8)
SIGNALS = 40
BITS = 20
CHUNKS = (1 << BITS) - 1


class Step(NamedTuple):
    """All that both threads work on; `most` is the most tokens of one call.

    weights        what is read in a step, in the order of use; a weight as (panels, in, PANEL), zeros behind the last
    places         (L + 1, OUTPUT + 1, 4) where in it a part's weight, its bias and the weight and bias of the
                   layer norm behind it begin; in the last line OUTPUT, whose norm is that of the input layer
    keys, values   (L, rows, H, T, K)
    sentences      (most,) the row in the cache of each token's sentence
    positions      (most,) its place in the sentence
    wanted         (most,) the tokens whose logits are wanted
    x              (most, D) what goes through the layers
    projected      (most, 3D) queries, keys and values
    mixed          (most, D) what the heads give
    hidden         (most, F)
    branch         (most, D) what is added to `x`
    last           (most, D) of `x`, those whose logits are wanted
    helped         what the helper has computed of a part
    scores         (2, T) of one head, for each of the threads
    signals        (SIGNALS,)
    """

    weights: Floats
    places: Ints
    keys: Floats
    values: Floats
    sentences: Ints
    positions: Ints
    wanted: Ints
    x: Floats
    projected: Floats
    mixed: Floats
    hidden: Floats
    branch: Floats
    last: Floats
    helped: Floats
    scores: Floats
    signals: Ints


SIZES = ("n_layers", "rows", "n_heads", "max_len", "head_dim", "width", "ffn_dim", "vocab_size")


class StepInC(ctypes.Structure):
    """Sizes and addresses, as `Step` in kernels.c; `arrays` is here so that what it points to lives as long."""

    arrays: Step
    _fields_ = [(name, c_int64) for name in SIZES] + [(name, c_void_p) for name in Step._fields]


def in_c(step: Step, ffn_dim: int, vocab_size: int) -> StepInC:
    """A step as kernels.c takes it."""
    n_layers, rows, n_heads, max_len, head_dim = step.keys.shape
    sizes = (n_layers, rows, n_heads, max_len, head_dim, step.x.shape[1], ffn_dim, vocab_size)
    made = StepInC(*sizes, *(array.ctypes.data for array in step))
    made.arrays = step
    return made


def load_kernels() -> ctypes.CDLL:
    """The functions of kernels.c. Calls of them do not hold Python's lock.

    lead(step, N, M, logits (M, V))    the first N tokens of a step; the logits of its first M `wanted`
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
        raise NotCompiled(f"the compiled library lacks a function: {error}") from None
    if found != ctypes.sizeof(StepInC):
        raise NotCompiled(f"the compiled library takes steps of {found} bytes instead of {ctypes.sizeof(StepInC)}")
    return kernels
