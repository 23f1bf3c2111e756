"""The model's arithmetic as one call into compiled code, which a second thread may help with. Needs numba.

N tokens, T tokens in a sentence, D embed_dim, H heads, K head dim, F ffn_dim, V vocabulary, L layers.

How two threads share the work: it is a row of parts (a product, the attention of a layer, …), each cut into chunks that
need nothing of each other. The leader takes the chunks of a part from the front, the helper from the back, into a
buffer of its own, and the leader copies what the helper has finished. The leader never waits: what is unfinished when
the two meet it computes itself, and what the helper finishes later belongs to a part that has passed, as its number
says. So a helper that the system puts to sleep, or that is not there at all, costs nothing but its help.
"""

import platform
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.extending import intrinsic

from tinychat.generation.decoder import Floats

Ints = npt.NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

# The parts of a layer in their order, the one after all layers, and no part at all.
PROJECTION, ATTENTION, OUT_PROJ, FFN_IN, FFN_OUT, OUTPUT, NONE = range(7)
# The last axis of `Step.places`.
WEIGHT, BIAS, NORM_WEIGHT, NORM_BIAS = range(4)

CHUNK = 16384  # weights in a chunk of a product: 64 KB, which a core reads in about two microseconds
# Of `Step.signals`, each in a cache line of its own. LEADER and HELPER hold the number of a part, and in their lowest
# bits how many of its chunks that thread has taken, or has finished.
LEADER, HELPER, PART, LAYER, TOKENS = range(0, 40, 8)
SIGNALS = 40
BITS = 20
CHUNKS = (1 << BITS) - 1
ZERO, ONE = np.float32(0), np.float32(1)
EPS = np.float32(1e-5)  # torch's, of a layer norm
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}
X86 = platform.machine().lower() in ("x86_64", "amd64")
PATIENCE = 5_000 if X86 else 100_000  # rounds of waiting for each token, 0.1 to 0.2 ms


class Step(NamedTuple):
    """All that both threads work on; `most` is the most tokens of one call.

    weights        what is read in a step, in the order of use
    places         (L + 1, OUTPUT + 1, 4) where in it a part's weight (out, in), its bias and the weight and bias of the
                   layer norm behind it begin; in the last line OUTPUT, whose norm is that of the input layer
    sizes          (OUTPUT + 1,) how many numbers a part gives for each token
    keys, values   (L, rows, H, T, K)
    sentences      (most,) the row in the cache of each token's sentence
    positions      (most,) its place in the sentence
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
    sizes: Ints
    keys: Floats
    values: Floats
    sentences: Ints
    positions: Ints
    x: Floats
    projected: Floats
    mixed: Floats
    hidden: Floats
    branch: Floats
    last: Floats
    helped: Floats
    scores: Floats
    signals: Ints


def compiled(function: Function) -> Function:
    """Compiled at its first call, without Python's lock."""
    fast: Function = numba.njit(**OPTIONS)(function)
    return fast


def kept(function: Function) -> Function:
    """Compiled with all that it calls, and written to disk for later processes: beside this file, or in the user's
    cache folder. Where neither may be written, every process compiles anew.
    """
    try:
        fast: Function = numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        return compiled(function)
    return fast


def primitive(function: Callable[..., Any]) -> Any:
    """An instruction that numba has no function for: `function` gives its types, and how it is generated."""
    return intrinsic(function)


def _element(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@primitive
def _read(typing_context: Any, signals: Any, index: Any) -> Any:
    """What another thread has written there, and all that it wrote before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_element(context, builder, signature, arguments), "acquire", 8)

    return numba.int64(signals, numba.int64), generate


@primitive
def _write(typing_context: Any, signals: Any, index: Any, value: Any) -> Any:
    """For another thread, which then sees all that was written before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        builder.store_atomic(arguments[2], _element(context, builder, signature, arguments), "release", 8)

    return numba.void(signals, numba.int64, numba.int64), generate


@primitive
def _pause(typing_context: Any) -> Any:
    """What a thread does that waits in a loop, so that the core can serve others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        if X86:
            pause = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", fnty=pause), [])

    return numba.void(), generate


@compiled
def _claim(signals: Ints, number: int, chunks: int, taken: int, leading: bool) -> int:
    """The next chunk for a thread that has finished `taken` of a part's chunks; -1 where it has no more to do."""
    if leading:
        helper = _read(signals, HELPER)
        helped = helper & CHUNKS if helper >> BITS == number else 0
        if taken + helped >= chunks:
            return -1
        _write(signals, LEADER, (number << BITS) + taken + 1)
        return taken
    _write(signals, HELPER, (number << BITS) + taken)
    leader = _read(signals, LEADER)
    return chunks - 1 - taken if leader >> BITS == number and (leader & CHUNKS) + taken < chunks else -1


@compiled
def _multiply(
    signals: Ints,
    number: int,
    leading: bool,
    columns: int,
    x: Floats,
    n: int,
    weight: Floats,
    bias: Floats,
    least: np.float32,
    y: Floats,
) -> int:
    """A thread's chunks, of so many columns, of y (N, out) = x (N, in) · weight (out, in) + bias, at least `least`.

    How many it took. For a few tokens one dot product after the other, which reads the weight as fast as it comes. For
    more, four tokens by two lines of the weight, which reads `x` less often.
    """
    height, width = weight.shape
    chunks, taken, tiled = -(-height // columns), 0, n // 4 * 4 if n >= 8 else 0
    chunk = _claim(signals, number, chunks, taken, leading)
    while chunk >= 0:
        begin, end = chunk * columns, min((chunk + 1) * columns, height)
        for pair in range((end - begin + 1) // 2 if tiled else 0):
            one, two = begin + 2 * pair, min(begin + 2 * pair + 1, end - 1)
            for token in range(0, tiled, 4):
                a = b = c = d = e = f = g = h = ZERO
                for i in range(width):
                    v, w = weight[one, i], weight[two, i]
                    a += v * x[token, i]
                    b += v * x[token + 1, i]
                    c += v * x[token + 2, i]
                    d += v * x[token + 3, i]
                    e += w * x[token, i]
                    f += w * x[token + 1, i]
                    g += w * x[token + 2, i]
                    h += w * x[token + 3, i]
                for column, totals in ((one, (a, b, c, d)), (two, (e, f, g, h))):
                    for place, total in enumerate(totals):
                        y[token + place, column] = max(total + bias[column], least)
        for column in range(begin, end):
            for token in range(tiled, n):
                total = ZERO
                for i in range(width):
                    total += weight[column, i] * x[token, i]
                y[token, column] = max(total + bias[column], least)
        taken += 1
        chunk = _claim(signals, number, chunks, taken, leading)
    return taken


@compiled
def _attend(query: Floats, keys: Floats, values: Floats, scores: Floats, mixed: Floats) -> None:
    """One head of one token: query (K,), keys and values (T, K) → mixed (K,); `scores` (T,) is overwritten."""
    length, width = keys.shape
    scale = ONE / np.sqrt(np.float32(width))
    highest = np.float32(-np.inf)
    for t in range(length):
        score = ZERO
        for k in range(width):
            score += query[k] * keys[t, k]
        scores[t] = score * scale
        highest = max(highest, scores[t])
    total = ZERO
    for t in range(length):
        scores[t] = np.exp(scores[t] - highest)
        total += scores[t]
    mixed[:] = ZERO
    for t in range(length):
        share = scores[t] / total
        for k in range(width):
            mixed[k] += share * values[t, k]


@compiled
def _normalise(x: Floats, added: Floats, n: int, weights: Floats, places: Ints) -> None:
    """The layer norm of the first `n` lines of x + added, (N, D) each, into x; its weights begin at `places`."""
    width = x.shape[1]
    weight = weights[places[NORM_WEIGHT] : places[NORM_WEIGHT] + width]
    bias = weights[places[NORM_BIAS] : places[NORM_BIAS] + width]
    for token in range(n):
        mean, variance = ZERO, ZERO
        for i in range(width):
            x[token, i] += added[token, i]
            mean += x[token, i]
        mean /= np.float32(width)
        for i in range(width):
            x[token, i] -= mean
            variance += x[token, i] * x[token, i]
        factor = ONE / np.sqrt(variance / np.float32(width) + EPS)
        for i in range(width):
            x[token, i] = x[token, i] * (factor * weight[i]) + bias[i]


@compiled
def _attend_all(step: Step, number: int, leading: bool, layer: int, n: int, scores: Floats, y: Floats) -> int:
    """A thread's chunks of the attention, each a head of a token, into y (N, D); how many it took."""
    heads, width = step.keys.shape[2], step.keys.shape[4]
    taken = 0
    chunk = _claim(step.signals, number, n * heads, taken, leading)
    while chunk >= 0:
        token, head = chunk // heads, chunk % heads
        row, length = step.sentences[token], step.positions[token] + 1
        begin, end = head * width, (head + 1) * width
        keys, values = step.keys[layer, row, head, :length], step.values[layer, row, head, :length]
        _attend(step.projected[token, begin:end], keys, values, scores, y[token, begin:end])
        taken += 1
        chunk = _claim(step.signals, number, n * heads, taken, leading)
    return taken


@compiled
def _take(step: Step, number: int, leading: bool, part: int, layer: int, n: int, scores: Floats, y: Floats) -> int:
    """A thread's chunks of a part, into y (N, out): how many numbers at the front of each line the leader computed."""
    if part == ATTENTION:
        return _attend_all(step, number, leading, layer, n, scores, y) * step.keys.shape[4]
    x, least = step.x, np.float32(-np.inf)
    if part == OUT_PROJ:
        x = step.mixed
    elif part == FFN_IN:
        least = ZERO
    elif part == FFN_OUT:
        x = step.hidden
    elif part == OUTPUT:
        x = step.last
    places, width, height = step.places[layer, part], x.shape[1], y.shape[1]
    weight = step.weights[places[WEIGHT] : places[WEIGHT] + height * width].reshape((height, width))
    bias = step.weights[places[BIAS] : places[BIAS] + height]
    columns = max(CHUNK // width, 2)
    return _multiply(step.signals, number, leading, columns, x, n, weight, bias, least, y) * columns


@kept
def lead(step: Step, n: int, wanted: Ints, logits: Floats) -> None:
    """The first `n` tokens of `step`, whose embeddings are in `x`, through the model; the cache takes them in.

    Logits (M, V) of the tokens `wanted` (M,) that follow.
    """
    n_layers, n_heads, head_dim, width = step.keys.shape[0], step.keys.shape[2], step.keys.shape[4], step.x.shape[1]
    signals = step.signals
    for token in range(n):
        for i in range(width):
            step.branch[token, i] = ZERO
    _normalise(step.x, step.branch, n, step.weights, step.places[n_layers, OUTPUT])
    for turn in range(n_layers * OUTPUT + 1):
        layer, part = turn // OUTPUT, turn % OUTPUT
        y, rows = step.branch, n
        if layer == n_layers:
            for place, token in enumerate(wanted):
                for i in range(width):
                    step.last[place, i] = step.x[token, i]
            y, rows, part = logits, len(wanted), OUTPUT
        elif part == PROJECTION:
            y = step.projected
        elif part == ATTENTION:
            y = step.mixed
            for token in range(n):
                row, position = step.sentences[token], step.positions[token]
                for head in range(n_heads):
                    for k in range(head_dim):
                        place = width + head * head_dim + k
                        step.keys[layer, row, head, position, k] = step.projected[token, place]
                        step.values[layer, row, head, position, k] = step.projected[token, place + width]
        elif part == FFN_IN:
            y = step.hidden
        number = (_read(signals, LEADER) >> BITS) + 1
        _write(signals, PART, part)
        _write(signals, LAYER, layer)
        _write(signals, TOKENS, rows)
        _write(signals, LEADER, number << BITS)
        first, height = _take(step, number, True, part, layer, rows, step.scores[0], y), y.shape[1]
        if part == ATTENTION:  # its chunks lie one behind the other over all tokens
            height, rows = height * rows, 1
        flat = y.reshape(y.size)
        for row in range(rows):
            for place in range(row * height + first, (row + 1) * height):
                flat[place] = step.helped[place]
        if part in (OUT_PROJ, FFN_OUT):
            _normalise(step.x, step.branch, n, step.weights, step.places[layer, part])
    _write(signals, PART, NONE)
    _write(signals, LEADER, ((_read(signals, LEADER) >> BITS) + 1) << BITS)


@kept
def help_out(step: Step) -> None:
    """The helper's side, until the call of `lead` that is under way has ended, or no longer goes on.

    Where cores are scarce, the system may let the helper wait in the leader's place.
    """
    signals = step.signals
    while True:
        number = _read(signals, LEADER) >> BITS
        part, layer, n = _read(signals, PART), _read(signals, LAYER), _read(signals, TOKENS)
        if _read(signals, LEADER) >> BITS != number:
            continue  # these three may be of the next part; where that is missed, the number tells the leader
        if part == NONE:
            return
        height = step.sizes[part]
        _take(step, number, False, part, layer, n, step.scores[1], step.helped[: n * height].reshape((n, height)))
        pauses = 0
        while _read(signals, LEADER) >> BITS == number:
            if pauses > PATIENCE * n:
                return
            _pause()
            pauses += 1
