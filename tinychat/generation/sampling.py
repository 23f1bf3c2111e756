"""The choice of one token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinychat.errors import InputError
from tinychat.generation.decoder import Floats

METHODS = ("greedy", "sample")
WHOLE_FROM_0 = ("top_k", "no_repeat_ngram", "seed", "min_tokens", "alternatives")
RANGES = {
    "temperature": (0.01, 100.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.01, 100.0),
}


@dataclass(frozen=True)
class SamplingOptions:
    """How the next token is chosen, and how long a reply may be.

    method              greedy (the likeliest token) or sample
    temperature         above 1 flatter, below 1 sharper, 0.01 to 100; sample only
    top_k               only the k likeliest tokens; 0: off; sample only
    top_p               only the likeliest tokens that together reach p (1904.09751); 1: off; sample only
    min_p               only tokens at least p times as likely as the likeliest (2407.01082); 0: off; sample only
    repetition_penalty  tokens that stand in prompt or reply, less <eos>, lose by this factor (1909.05858); 1: off
    no_repeat_ngram     no n tokens in a row stand twice in prompt and reply, less <eos>; 0: off
    seed                of the random choice; each reply has its own generator, so neighbours do not matter
    min_tokens          the reply does not end by itself before it has so many, nor within a character
    max_tokens          of a reply
    stop                the reply ends where one of these texts begins
    alternatives        how many of the likeliest tokens are recorded beside each chosen one

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
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(
                    "{name} is {value!r}; it must be a number from {low:g} to {high:g}",
                    name=name,
                    value=value,
                    low=low,
                    high=high,
                )
        if self.top_p == 0:
            raise InputError("top_p is 0, which leaves no token; it must be above 0 (1: off)")
        for name in (*WHOLE_FROM_0, "max_tokens"):
            value, least = getattr(self, name), 0 if name in WHOLE_FROM_0 else 1
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(
                    "{name} is {value!r}; it must be a whole number from {least} on",
                    name=name,
                    value=value,
                    least=least,
                )
        if self.min_tokens > self.max_tokens:
            raise InputError(
                "min_tokens is {least}, above max_tokens, which is {most}", least=self.min_tokens, most=self.max_tokens
            )
        if not isinstance(self.stop, tuple) or not all(isinstance(text, str) and text for text in self.stop):
            raise InputError("stop is {value!r}; it must be texts that are not empty", value=self.stop)


def choose_token(
    logits: Floats, so_far: Sequence[int], n_said: int, eos_id: int, options: SamplingOptions, rng: np.random.Generator
) -> int:
    """The next token's id.

    logits  (V,), minus infinity for what is never said; they are left as they are
    so_far  ids of prompt and reply up to here; the last `n_said` of them are the reply
    """
    if options.repetition_penalty != 1 or options.no_repeat_ngram:
        so_far = [token for token in so_far if token != eos_id]  # else no reply could end as an earlier one did
    if options.repetition_penalty != 1:
        logits = penalise_repetition(logits, so_far, options.repetition_penalty)
    if options.no_repeat_ngram:
        logits = forbid(logits, repeating(so_far, options.no_repeat_ngram))
    if n_said < options.min_tokens:
        logits = forbid(logits, [eos_id])
    if options.method == "greedy":
        return int(logits.argmax())
    logits = logits / np.float32(options.temperature)
    if 0 < options.top_k < len(logits):
        logits = keep_top_k(logits, options.top_k)
    if options.top_p < 1:
        logits = keep_top_p(logits, options.top_p)
    if options.min_p > 0:
        logits = keep_min_p(logits, options.min_p)
    return draw(logits, rng)


def penalise_repetition(logits: Floats, so_far: Sequence[int], penalty: float) -> Floats:
    """Make the tokens in `so_far` less likely: positive logits are divided, negative ones multiplied."""
    seen = np.unique(np.asarray(so_far, dtype=np.int64))
    penalised = logits.copy()
    penalised[seen] = np.where(logits[seen] > 0, logits[seen] / penalty, logits[seen] * penalty)
    return penalised


def repeating(so_far: Sequence[int], n: int) -> list[int]:
    """The tokens that would complete n tokens in a row which stand in `so_far` already (1705.04304)."""
    ids = list(so_far)
    begun = ids[len(ids) - n + 1 :]
    return [ids[i + n - 1] for i in range(len(ids) - n + 1) if ids[i : i + n - 1] == begun]


def forbid(logits: Floats, ids: Sequence[int]) -> Floats:
    """Minus infinity for these tokens; where that leaves none, nothing is forbidden."""
    left = logits.copy()
    left[list(ids)] = -np.inf
    return left if left.max() > -np.inf else logits


def keep_top_k(logits: Floats, k: int) -> Floats:
    """The k largest logits; the others become minus infinity. Equal ones at the border all stay."""
    return np.where(logits < np.partition(logits, -k)[-k], np.float32(-np.inf), logits)


def keep_top_p(logits: Floats, p: float) -> Floats:
    """The likeliest tokens until their probabilities reach p, the one that reaches it included."""
    order = np.argsort(-logits, kind="stable")
    probabilities = softmax(logits)[order]
    beyond = np.cumsum(probabilities) - probabilities >= p
    kept = logits.copy()
    kept[order[beyond]] = -np.inf
    return kept


def keep_min_p(logits: Floats, p: float) -> Floats:
    """The tokens that are at least p times as likely as the likeliest."""
    return np.where(logits < logits.max() + np.log(p), np.float32(-np.inf), logits)


def draw(logits: Floats, rng: np.random.Generator) -> int:
    """A token by its probability: where a random number falls among the probabilities laid end to end."""
    ends = np.cumsum(softmax(logits))
    place = int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))
    return min(place, int(np.flatnonzero(logits > -np.inf)[-1]))


def softmax(logits: Floats) -> npt.NDArray[np.float64]:
    """Probabilities of logits (V,), in double precision."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(exponentials / exponentials.sum())
