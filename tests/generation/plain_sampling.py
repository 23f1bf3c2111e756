"""Sampling as a person would write it down: loops over lists, in double precision."""

import math
from collections.abc import Sequence

from tinychat.generation.sampling import SamplingOptions

NOT = -math.inf


def softmax(logits: Sequence[float]) -> list[float]:
    highest = max(logits)
    exponentials = [math.exp(logit - highest) for logit in logits]
    total = math.fsum(exponentials)
    return [value / total for value in exponentials]


def divided(logits: Sequence[float], temperature: float) -> list[float]:
    return [logit / temperature for logit in logits]


def penalised(logits: Sequence[float], so_far: Sequence[int], penalty: float) -> list[float]:
    result = list(logits)
    for token in set(so_far):
        result[token] = logits[token] / penalty if logits[token] > 0 else logits[token] * penalty
    return result


def not_repeating(logits: Sequence[float], so_far: Sequence[int], n: int) -> list[float]:
    """Minus infinity for each token that would say n tokens which have been said in that order."""
    said = {tuple(so_far[i : i + n]) for i in range(len(so_far) - n + 1)}
    begun = tuple(so_far[len(so_far) - n + 1 :]) if n > 1 else ()
    return [NOT if (*begun, token) in said else logit for token, logit in enumerate(logits)]


def top_k(logits: Sequence[float], k: int) -> list[float]:
    threshold = sorted(logits, reverse=True)[min(k, len(logits)) - 1]
    return [logit if logit >= threshold else NOT for logit in logits]


def top_p(logits: Sequence[float], p: float) -> list[float]:
    result = [NOT] * len(logits)
    reached = 0.0
    probabilities = softmax(logits)
    for token in sorted(range(len(logits)), key=lambda token: -logits[token]):
        if reached >= p:
            break
        result[token] = logits[token]
        reached += probabilities[token]
    return result


def min_p(logits: Sequence[float], p: float) -> list[float]:
    probabilities = softmax(logits)
    return [
        logit if probability >= p * max(probabilities) else NOT
        for logit, probability in zip(logits, probabilities, strict=True)
    ]


def processed(
    logits: Sequence[float], so_far: Sequence[int], n_said: int, eos_id: int, options: SamplingOptions
) -> list[float]:
    """The logits that a token is drawn from; that earlier turns have ended is no repetition."""
    so_far = [token for token in so_far if token != eos_id]
    result = penalised(logits, so_far, options.repetition_penalty)
    if options.no_repeat_ngram:
        result = not_repeating(result, so_far, options.no_repeat_ngram)
    if n_said < options.min_tokens:
        result[eos_id] = NOT
    if options.method == "greedy":
        return result
    result = divided(result, options.temperature)
    result = top_k(result, options.top_k) if options.top_k else result
    result = top_p(result, options.top_p) if options.top_p < 1 else result
    return min_p(result, options.min_p) if options.min_p else result


def drawn(logits: Sequence[float], number: float) -> int:
    """The token on which a number from 0 to 1 falls, where the probabilities lie end to end."""
    reached = 0.0
    for token, probability in enumerate(softmax(logits)):
        reached += probability
        if number < reached:
            return token
    raise AssertionError("the probabilities do not add up to 1")
