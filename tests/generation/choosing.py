"""The choice of tokens, asked for one sentence."""

from collections.abc import Sequence

import numpy as np

from tinychat.generation.decoder import Floats
from tinychat.generation.sampling import SamplingOptions, SequenceState, candidates, choose_tokens

NOT = np.float32(-np.inf)


def choose_token(
    logits: Floats, so_far: Sequence[int], n_said: int, eos_id: int, options: SamplingOptions, rng: np.random.Generator
) -> int:
    """The next token of a sentence that stands alone."""
    return choose_tokens(logits[None], [SequenceState(so_far, n_said, options, rng)], eos_id)[0]


def left_by(logits: Floats, top_k: int = 0, top_p: float = 1, min_p: float = 0) -> Floats:
    """The logits (V,) of the tokens that may still be said; minus infinity for the others."""
    ids, weights = candidates(logits, 1.0, top_k, top_p, min_p)
    left, said = np.full_like(logits, NOT), ids[weights > 0]
    left[said] = logits[said]
    return left


def keep_top_k(logits: Floats, k: int) -> Floats:
    return left_by(logits, top_k=k)


def keep_top_p(logits: Floats, p: float) -> Floats:
    return left_by(logits, top_p=p)


def keep_min_p(logits: Floats, p: float) -> Floats:
    return left_by(logits, min_p=p)
