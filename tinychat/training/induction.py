"""Two heads whose attention begins as that of a previous-token head and of an induction head.

An induction head attends to what followed the current token where that stood earlier in the sequence, and predicts that
it follows again (Olsson et al., "In-context learning and induction heads", 2209.11895). It finds the place by the token
before, which a head of the layer below has written there. From random weights such heads form late, and only where much
of the data repeats itself. Here the attention of two heads begins so, and training goes on from there.

The token embeddings begin with two blocks of K dimensions, K being the size of a head:

1. Zeros. Here the position embeddings have sinusoids of K / 2 frequencies, by which the first head attends to the token
   before, and here it writes the code of that token.
2. A random code for each token. Tokens that are answered alike have similar embeddings in the other dimensions.

The second head adds a random projection of what it attends to, to all dimensions but those of the first block. What it
predicts from that is learnt.

V vocabulary, D embed_dim, K head dim, T max_len.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tinychat.model.base import LanguageModel
from tinychat.training.subwords import token_embedding

BLOCKS = 2
MIN_HEAD_DIM = 16  # with fewer dimensions neither the frequencies nor the codes can tell tokens apart
# The frequencies are spaced geometrically, between π / SPREAD and π. Evenly spaced ones repeat after 2 K positions, and
# most of those of Vaswani et al. are too low to tell a position from the next.
SPREAD = 8.0
CODE_STD = 0.3  # of a token's code, as large as the vectors of cooccurrence.py
# Factors of the queries and of the keys: before a training on the sample 95% of the attention is on the token before,
# and 93% on what followed the same token (docs/experiments.md).
PREVIOUS_GAIN = 4.0
MATCH_GAIN = 2.0
WRITE_GAIN = 2.0  # of the code that the first head writes, beside the positions in the same block


def reserved_dims(model: LanguageModel) -> int:
    """How many of the first dimensions the two heads need; 0 where the model cannot have them.

    It takes an architecture that has `induction_weights`, two layers, three heads, a head dim that is even and at least
    MIN_HEAD_DIM, and an output layer that does not share the embeddings, since logits would begin far from zero.
    """
    weights = model.induction_weights()
    if weights is None or token_embedding(model) is None:
        return 0
    head_dim, width = weights.previous_token.query.shape
    fits = head_dim % 2 == 0 and head_dim >= MIN_HEAD_DIM and width > BLOCKS * head_dim
    return BLOCKS * head_dim if fits else 0


@torch.no_grad()
def init_induction(model: LanguageModel) -> bool:
    """Set the weights of both heads, the reserved dimensions of the token embeddings, and the first K of the position
    embeddings. False where the model cannot have them.
    """
    weights = model.induction_weights()
    if weights is None or not reserved_dims(model):
        return False
    size = len(weights.previous_token.query)
    positions, code = (slice(n * size, (n + 1) * size) for n in range(BLOCKS))
    identity = torch.eye(size)

    frequencies = math.pi * SPREAD ** (-(torch.arange(size // 2) + 0.5) / (size // 2))
    # The position embeddings keep their root mean square.
    amplitude = math.sqrt(2) * weights.positions.square().mean().sqrt().item()
    weights.positions[:, positions] = amplitude * rotations(len(weights.positions), frequencies)
    weights.tokens[:, positions] = 0
    codes = math.sqrt(size) * F.normalize(torch.randn(len(weights.tokens), size))
    weights.tokens[:, code] = (CODE_STD * codes).to(weights.tokens)

    first, second = weights.previous_token, weights.induction
    for matrix in (first.query, first.key, first.value, second.query, second.key, second.value):
        matrix.zero_()
    first.query[:, positions] = PREVIOUS_GAIN * back_by_one(frequencies)
    first.key[:, positions] = PREVIOUS_GAIN * identity
    first.value[:, code] = identity
    second.query[:, code] = MATCH_GAIN * identity
    second.key[:, positions] = MATCH_GAIN * identity
    # Drawn on the CPU, so that they are the same for each device.
    projection = torch.nn.init.orthogonal_(torch.empty(size, second.value.shape[1] - size))
    second.value[:, size:] = projection
    first.out.zero_()
    second.out.zero_()
    first.out[positions] = WRITE_GAIN * identity
    second.out[size:] = projection.T
    return True


def rotations(length: int, frequencies: Tensor) -> Tensor:
    """Sines and cosines of the positions by turns: (T, K)."""
    angles = torch.arange(length)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def back_by_one(frequencies: Tensor) -> Tensor:
    """The matrix (K, K) by which `rotations` of a position become those of the one before."""
    sines, cosines = frequencies.sin(), frequencies.cos()
    return torch.block_diag(*torch.stack([cosines, -sines, sines, cosines], dim=1).unflatten(1, (2, 2)))
