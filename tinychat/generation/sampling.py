"""The choice of one token."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class SamplingOptions:
    """How the next token is chosen, and how long a reply may be.

    method              greedy (the likeliest token) or sample
    temperature         above 1 flatter, below 1 sharper; sample only
    top_k               only the k likeliest tokens; 0: off; sample only
    top_p               only the likeliest tokens that together reach p (1904.09751); 1: off; sample only
    repetition_penalty  tokens that stand in prompt or reply lose by this factor (1909.05858); 1: off
    seed                of the random choice; each reply has its own generator, so neighbours do not matter
    max_tokens          of a reply
    """

    method: Literal["greedy", "sample"]
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    seed: int
    max_tokens: int


def choose_token(logits: Tensor, so_far: Tensor, options: SamplingOptions, generator: torch.Generator) -> int:
    """The next token's id, from logits (V,) on the CPU and the ids (n,) that stand before it."""
    if options.repetition_penalty != 1:
        logits = penalise_repetition(logits, so_far, options.repetition_penalty)
    if options.method == "greedy":
        return int(logits.argmax())
    logits = logits / options.temperature
    if 0 < options.top_k < len(logits):
        logits = keep_top_k(logits, options.top_k)
    if options.top_p < 1:
        logits = keep_top_p(logits, options.top_p)
    return int(torch.multinomial(logits.softmax(dim=0), 1, generator=generator))


def penalise_repetition(logits: Tensor, so_far: Tensor, penalty: float) -> Tensor:
    """Make the tokens in `so_far` less likely: positive logits are divided, negative ones multiplied."""
    seen = so_far.unique()
    logits = logits.clone()
    logits[seen] = torch.where(logits[seen] > 0, logits[seen] / penalty, logits[seen] * penalty)
    return logits


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """The k largest logits; the others become minus infinity. Equal ones at the border all stay."""
    return logits.masked_fill(logits < logits.topk(k).values[-1], -torch.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """The likeliest tokens until their probabilities reach p, the one that reaches it included."""
    ordered, places = logits.sort(descending=True, stable=True)
    probabilities = ordered.softmax(dim=0)
    beyond = probabilities.cumsum(dim=0) - probabilities >= p
    return logits.masked_fill(torch.zeros_like(beyond).scatter(0, places, beyond), -torch.inf)
