"""The choice of the next token of each sequence of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tinychat.errors import InputError
from tinychat.generation.decoder import Floats
from tinychat.params.limits import SAMPLING_RANGES

Ints = npt.NDArray[np.int64]
METHODS = ("greedy", "sample")
STRIPES = 16  # a row of logits is cut into as many to find its largest ones: fewer are compared one by one
NON_NEGATIVE_INTEGERS = ("top_k", "no_repeat_ngram", "seed", "min_tokens", "alternatives")


@dataclass(frozen=True)
class SamplingOptions:
    """How the next token is chosen, and how long a reply may be.

    method              greedy (the likeliest token) or sample
    temperature         above 1 flatter, below 1 sharper, 0.01 to 100; sample only; 0 means greedy
    top_k               only the k likeliest tokens; 0: off; sample only
    top_p               only the likeliest tokens that together reach p (1904.09751); 1: off; sample only
    min_p               only tokens at least p times as likely as the likeliest (2407.01082); 0: off; sample only
    repetition_penalty  penalises tokens that occur in prompt or reply, except <eos> (1909.05858); 1: off
    no_repeat_ngram     no n-gram of tokens occurs twice in prompt and reply, ignoring <eos>; 0: off
    seed                of the random choice; each reply has its own generator, so neighbours do not matter
    min_tokens          no <eos> before the reply has as many
    max_tokens          of a reply
    stop                the reply ends where one of these texts begins
    alternatives        how many of the likeliest tokens are recorded with each chosen one

    Raises InputError that names the option, its value and what would be right.
    """

    method: Literal["greedy", "sample"] = "greedy"
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    seed: int = 0
    min_tokens: int = 0
    max_tokens: int = 64
    stop: tuple[str, ...] = ()
    alternatives: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError("method is {value!r}; it must be greedy or sample", value=self.method)
        if self.temperature == 0 and not isinstance(self.temperature, bool):
            object.__setattr__(self, "method", "greedy")
            object.__setattr__(self, "temperature", 1.0)
        for name, (low, high) in SAMPLING_RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                if name == "temperature":
                    raise InputError(
                        "temperature is {value!r}; it must be 0 (greedy) or a number from {low:g} to {high:g}",
                        value=value,
                        low=low,
                        high=high,
                    )
                raise InputError(
                    "{name} is {value!r}; it must be a number from {low:g} to {high:g}",
                    name=name,
                    value=value,
                    low=low,
                    high=high,
                )
        if self.top_p == 0:
            raise InputError("top_p is 0, which leaves no token; it must be above 0 (1: off)")
        for name in (*NON_NEGATIVE_INTEGERS, "max_tokens"):
            value, minimum = getattr(self, name), 0 if name in NON_NEGATIVE_INTEGERS else 1
            if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
                raise InputError(
                    "{name} is {value!r}; it must be a whole number from {minimum} on",
                    name=name,
                    value=value,
                    minimum=minimum,
                )
        if self.min_tokens > self.max_tokens:
            raise InputError(
                "min_tokens is {minimum}, above max_tokens, which is {maximum}",
                minimum=self.min_tokens,
                maximum=self.max_tokens,
            )
        if not isinstance(self.stop, tuple) or not all(isinstance(text, str) and text for text in self.stop):
            raise InputError("stop is {value!r}; it must be texts that are not empty", value=self.stop)


class SequenceState(NamedTuple):
    """What the choice of a sequence's next token depends on besides its logits.

    ids  of prompt and reply so far; the last `n_new` of them are the reply
    """

    ids: Sequence[int]
    n_new: int
    options: SamplingOptions
    rng: np.random.Generator


def choose_tokens(logits: Floats, sequences: Sequence[SequenceState], eos_id: int) -> list[int]:
    """The id of each sequence's next token, independent of the other sequences.

    logits  (B, V), minus infinity for suppressed tokens; not modified
    """
    chosen = []
    for row, state in zip(logits, sequences, strict=True):
        options, row = state.options, process_logits(state, row, eos_id)
        if options.method == "greedy":
            chosen.append(int(row.argmax()))
        else:
            ids, probs = candidates(row, options.temperature, options.top_k, options.top_p, options.min_p)
            chosen.append(int(ids[draw(probs, state.rng)]))
    return chosen


def process_logits(state: SequenceState, logits: Floats, eos_id: int) -> Floats:
    """The logits (V,) after repetition penalty, banned n-grams and `min_tokens`."""
    so_far, options = state.ids, state.options
    if options.repetition_penalty != 1 or options.no_repeat_ngram:
        so_far = [token for token in so_far if token != eos_id]  # else later replies could hardly end
    if options.repetition_penalty != 1:
        logits = penalise_repetition(logits, so_far, options.repetition_penalty)
    if options.no_repeat_ngram:
        logits = suppress(logits, banned_by_ngrams(so_far, options.no_repeat_ngram))
    if state.n_new < options.min_tokens:
        logits = suppress(logits, [eos_id])
    return logits


def penalise_repetition(logits: Floats, so_far: Sequence[int], penalty: float) -> Floats:
    """Make the tokens in `so_far` less likely: positive logits are divided by the penalty, negative ones multiplied."""
    seen = np.unique(np.asarray(so_far, dtype=np.int64))
    penalised = logits.copy()
    penalised[seen] = np.where(logits[seen] > 0, logits[seen] / penalty, logits[seen] * penalty)
    return penalised


def banned_by_ngrams(so_far: Sequence[int], n: int) -> list[int]:
    """The tokens that would complete an n-gram that `so_far` already contains (1705.04304)."""
    ids = list(so_far)
    begun = ids[len(ids) - n + 1 :]
    return [ids[i + n - 1] for i in range(len(ids) - n + 1) if ids[i : i + n - 1] == begun]


def suppress(logits: Floats, ids: Sequence[int]) -> Floats:
    """Minus infinity for these tokens; unchanged where that would leave none."""
    left = logits.copy()
    left[list(ids)] = -np.inf
    return left if left.max() > -np.inf else logits


def candidates(logits: Floats, temperature: float, top_k: int, top_p: float, min_p: float) -> tuple[Ints, Floats]:
    """The tokens of logits (V,) that top-k, top-p and min-p leave: ids, ascending, and probabilities, (C,) each.

    A probability is not normalised, but divided by that of the likeliest token; 0 where the token is left out.
    """
    # The maximum is subtracted first: huge logits would overflow when they are divided.
    logits = (logits - logits.max()) / np.float32(temperature)
    size, total = len(logits), None
    if 0 < top_k < size:
        ids = likeliest(logits, top_k)
    elif top_p < 1:
        probs = np.exp(logits)
        total = probs.sum(keepdims=True)  # (1,), whose type is that of the sum
        # Tokens less likely than (1 - p) / V add up to less than 1 - p and need not be sorted; half, for rounding.
        ids = np.flatnonzero(probs >= total * np.float32((1 - top_p) / 2 / size))
    elif min_p > 0:
        ids = np.flatnonzero(logits >= np.float32(np.log(min_p)))
    else:
        return np.arange(size), np.exp(logits)
    near = logits[ids]
    probs = np.exp(near)
    if top_p < 1:
        order = np.argsort(-near, kind="stable")
        descending = probs[order].astype(np.float64)
        cumulative = np.cumsum(descending)
        # The likeliest until their probabilities reach p, the one that reaches it included.
        beyond = cumulative - descending >= top_p * (cumulative[-1:] if total is None else total)
        probs[order[beyond]] = 0
    if min_p > 0:
        probs[near < np.float32(np.log(min_p))] = 0
    return ids, probs


def likeliest(logits: Floats, k: int) -> Ints:
    """The ids, ascending, of the k largest logits (V,); ties at the threshold all stay."""
    columns = max(len(logits) // STRIPES, k)
    stripes = len(logits) // columns
    if stripes == 1:
        return np.flatnonzero(logits >= kth_largest(logits, k))
    # The k-th largest maximum of the columns is a logit, and at least k logits are as large.
    maxima = logits[: stripes * columns].reshape(stripes, columns).max(axis=0)
    ids = np.flatnonzero(logits >= kth_largest(maxima, k))
    near = logits[ids]
    return ids[near >= kth_largest(near, k)]


def kth_largest(values: Floats, k: int) -> np.float32:
    """The k-th largest value."""
    place = len(values) - k
    largest: np.float32 = np.partition(values, place)[place]
    return largest


def draw(probs: Floats, rng: np.random.Generator) -> int:
    """An index drawn from unnormalised probabilities (C,), by their cumulative sum."""
    ends = np.cumsum(probs, dtype=np.float64)
    index = int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))
    return min(index, int(np.flatnonzero(probs)[-1]))


def margin(logits: Floats, token: int) -> float:
    """How much likelier, in nats, this token was than the likeliest other one; logits (V,)."""
    two = np.argpartition(logits, -2)[-2:]
    return float(logits[token] - max(logits[other] for other in two if other != token))


def top_logprobs(logits: Floats, logsumexp: float, n: int) -> tuple[tuple[int, float], ...]:
    """Id and log-probability of the `n` likeliest tokens; `logsumexp` is that of the logits."""
    if not n:
        return ()
    # Avoids sorting the whole vocabulary.
    near = np.flatnonzero(logits >= np.partition(logits, -n)[-n]) if n < len(logits) else np.arange(len(logits))
    likeliest = near[np.argsort(-logits[near], kind="stable")][:n]
    return tuple((int(token), float(logits[token] - logsumexp)) for token in likeliest)
