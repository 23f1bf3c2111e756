"""Causal attention over (B, H, T, K): in training, and with a key/value cache.

B batch, T tokens in a sequence, H heads, G heads of the keys and values (H, or a divisor of it), K head dim.
"""

import math

import torch
from torch import Tensor, nn

from tinychat.model.cache import CacheView, attention


class Attention(nn.Module):
    """The attention of a layer, between its projections. A module without parameters, so that it can be hooked."""

    def __init__(self, layer: int) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, cache: CacheView | None = None) -> Tensor:
        """Queries (B, H, T, K), keys and values (B, G, T, K) → (B, H, T, K)."""
        if cache is None:
            return attend(queries, keys, values)
        return cache.attend(self.layer, queries, keys, values)


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Causal attention: queries (B, H, T, K), keys and values (B, G, T, K) → (B, H, T, K).

    On a CPU in bf16 plain products take a fraction of the fused kernel's time, in fp32 several times as much
    (docs/experiments.md).
    """
    if queries.device.type == "cpu" and queries.dtype == torch.bfloat16:
        length, size = queries.shape[2:]
        mask = queries.new_full((length, length), -torch.inf).triu(1)
        groups = queries.shape[1] // keys.shape[1]
        keys, values = (each.repeat_interleave(groups, dim=1) if groups > 1 else each for each in (keys, values))
        q, k, v = (each.flatten(0, 1) for each in (queries, keys, values))  # (B H, T, K) each
        scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=1 / math.sqrt(size))  # (B H, T, T)
        return (scores.softmax(dim=-1) @ v).unflatten(0, queries.shape[:2])
    return attention(queries, keys, values, is_causal=True)


def attention_weights(queries: Tensor, keys: Tensor) -> Tensor:
    """Causal attention weights: queries (B, H, T, K) and keys (B, G, T, K) → (B, H, T, T), rows add up to 1."""
    length = queries.shape[2]
    keys = keys.repeat_interleave(queries.shape[1] // keys.shape[1], dim=1)
    scores = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3])  # (B, H, T, T)
    mask = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(mask, -torch.inf).softmax(dim=-1)
