"""The key/value cache, so that a new token costs the work of one token.

B sequences of one call, T tokens, S slots, H heads, G heads of the keys and values, K head dim, L layers.
"""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F


class KeyValueCache:
    """Keys and values of up to S sequences, allocated once. A sequence has a slot, which is filled, extended and
    freed without moving the others.

    keys, values     (L, S, G, max_len, K)
    lengths          tokens held in each slot; 0 where it is free
    batch_invariant  attention is computed sequence by sequence, so that results do not depend on the batch
    """

    def __init__(
        self,
        n_layers: int,
        slots: int,
        kv_heads: int,
        max_len: int,
        head_dim: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (n_layers, slots, kv_heads, max_len, head_dim)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self.slots, self.max_len = slots, max_len
        self.lengths = [0] * slots
        # A BLAS may sum the same row in another order in another batch. On a GPU and in bf16, speed counts more.
        self.batch_invariant = self.keys.device.type == "cpu" and dtype == torch.float32

    def extend(self, slots: Sequence[int], counts: Sequence[int]) -> "CacheView":
        """A view with room for `counts` more tokens in these slots, for one call of the model.

        Raises ValueError where a slot is named twice or does not exist, or a sequence would get longer than max_len.
        """
        if len(counts) != len(slots) or not counts:
            raise ValueError(f"{len(counts)} sequences for {len(slots)} slots")
        if len(set(slots)) != len(slots) or not 0 <= min(slots) <= max(slots) < self.slots:
            raise ValueError(f"slots {list(slots)}; each of 0 to {self.slots - 1} once at most")
        if not 0 < min(counts) <= max(counts) <= self.max_len:
            raise ValueError(f"{list(counts)} new tokens; 1 to {self.max_len} are needed of each sequence")
        if any(self.lengths[slot] + count > self.max_len for slot, count in zip(slots, counts, strict=True)):
            raise ValueError(f"a sequence would have more than max_len {self.max_len} tokens")
        return CacheView(self, slots, counts)

    def free(self, slots: Sequence[int]) -> None:
        """Free these slots."""
        for slot in slots:
            self.lengths[slot] = 0


class CacheView:
    """The sequences of one call of the model, padded on the right to T tokens.

    starts  how many tokens each sequence had before
    counts  how many are new
    """

    def __init__(self, cache: KeyValueCache, slots: Sequence[int], counts: Sequence[int]) -> None:
        self.cache, self.slots, self.counts = cache, list(slots), list(counts)
        self.starts = [cache.lengths[slot] for slot in slots]
        self.ends = [start + count for start, count in zip(self.starts, counts, strict=True)]
        self.width = max(counts)
        self.device = cache.keys.device
        self._fresh = not any(self.starts)

    def commit(self) -> None:
        """Count the new tokens as cached, after the model has read them."""
        for slot, end in zip(self.slots, self.ends, strict=True):
            self.cache.lengths[slot] = end

    @cached_property
    def positions(self) -> Tensor:
        """(B, T) positions of the new tokens in their sequences; padding repeats the last one."""
        starts = torch.tensor(self.starts, device=self.device)[:, None]
        ends = torch.tensor(self.ends, device=self.device)[:, None]
        return torch.minimum(starts + torch.arange(self.width, device=self.device), ends - 1)

    @cached_property
    def last(self) -> Tensor:
        """(B,) index of each sequence's last new token among all (B T)."""
        counts = torch.tensor(self.counts, device=self.device)
        return torch.arange(len(self.slots), device=self.device) * self.width + counts - 1

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Append the new keys and values (B, G, T, K) to the cache; causal attention of the queries: (B, H, T, K).
        That of the padding is meaningless.
        """
        self._append(layer, keys, values)
        if self.cache.batch_invariant:
            return self._attend_per_sequence(layer, queries, keys, values)
        if self._fresh:
            return attention(queries, keys, values, is_causal=True)
        # Fused: at 32 sequences in bf16 a quarter of the time of separate products (docs/experiments.md).
        return attention(
            queries, self._held(self.cache.keys[layer]), self._held(self.cache.values[layer]), attn_mask=self._mask
        )

    def _append(self, layer: int, keys: Tensor, values: Tensor) -> None:
        for cache, new in ((self.cache.keys[layer], keys), (self.cache.values[layer], values)):
            if self.width == 1 < len(self.slots):
                cache[self._slots, :, self.positions[:, 0]] = new[:, :, 0].to(cache.dtype)
            else:
                for row, (slot, start, count) in enumerate(zip(self.slots, self.starts, self.counts, strict=True)):
                    cache[slot, :, start : start + count] = new[row, :, :count]

    def _attend_per_sequence(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        all_keys, all_values = self.cache.keys[layer], self.cache.values[layer]
        rows = []
        for row, (slot, start, count) in enumerate(zip(self.slots, self.starts, self.counts, strict=True)):
            one, new = slice(row, row + 1), slice(count)
            if start == 0:
                past, mask = (keys[one, :, new], values[one, :, new]), None
            else:
                end = start + count
                past = all_keys[slot : slot + 1, :, :end], all_values[slot : slot + 1, :, :end]
                # Without a mask each query sees all keys, which is right for one token.
                mask = None if count == 1 else torch.ones(count, start + count, dtype=torch.bool).tril(start)
            heads = attention(queries[one, :, new], *past, attn_mask=mask, is_causal=start == 0)  # (1, H, count, K)
            rows.append(F.pad(heads, (0, 0, 0, self.width - count)) if count < self.width else heads)
        return torch.cat(rows)

    def _held(self, cache: Tensor) -> Tensor:
        """(S, G, max_len, K) → (B, G, T, K) up to the longest sequence; a view where the slots are neighbours."""
        first, longest = self.slots[0], max(self.ends)
        if self.slots == list(range(first, first + len(self.slots))):
            return cache[first : first + len(self.slots), :, :longest]
        return cache[:, :, :longest].index_select(0, self._slots)

    @cached_property
    def _slots(self) -> Tensor:
        return torch.tensor(self.slots, device=self.device)

    @cached_property
    def _mask(self) -> Tensor:
        """(B, 1, T, longest sequence), added to the scores: minus infinity after a token's own position."""
        seen = torch.arange(max(self.ends), device=self.device) <= self.positions[:, :, None]
        mask = torch.zeros(seen.shape, dtype=self.cache.keys.dtype, device=self.device)
        return mask.masked_fill_(~seen, -torch.inf)[:, None]


def attention(
    queries: Tensor, keys: Tensor, values: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False
) -> Tensor:
    """torch's attention, fused where it can be: queries (B, H, T, K), keys and values (B, G, U, K) → (B, H, T, K)."""
    grouped = queries.shape[1] != keys.shape[1]
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask, is_causal=is_causal, enable_gqa=grouped)
