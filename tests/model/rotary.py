"""An architecture from outside of the package: RMSNorm, rotary positions, grouped queries, SwiGLU, tied embeddings.

It is registered by the tests that need it, as a new file beside `classic.py` would be by a line in the registry.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinychat.model.attention import Attention
from tinychat.model.base import LanguageModel, LayerInfo, Matrix, ParameterGroups
from tinychat.model.cache import CacheView
from tinychat.model.config import ModelConfig
from tinychat.model.registry import ARCHITECTURES, Architecture


@dataclass(frozen=True)
class RotaryConfig(ModelConfig):
    architecture = "rotary"

    vocab_size: int
    embed_dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    hidden_dim: int
    rope_base: int = field(metadata={"max": 10_000_000})
    max_len: int = field(metadata={"max": 4096})

    @property
    def kv_heads(self) -> int:
        return self.n_kv_heads


def rotate(x: Tensor, positions: Tensor, base: int) -> Tensor:
    """Rotary position embedding (2104.09864): (B, H, T, K) and (B, T) → (B, H, T, K)."""
    half = x.shape[-1] // 2
    frequencies = base ** (-torch.arange(half, device=x.device) / half)
    angles = positions[:, None, :, None] * frequencies  # (B, 1, T, K / 2)
    one, other = x[..., :half], x[..., half:]
    return torch.cat([one * angles.cos() - other * angles.sin(), one * angles.sin() + other * angles.cos()], dim=-1)


class Block(nn.Module):
    def __init__(self, config: RotaryConfig, layer: int, dropout: float) -> None:
        super().__init__()
        self.config = config
        width, wide = config.embed_dim, config.hidden_dim
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        heads = config.n_heads + 2 * config.n_kv_heads
        self.qkv, self.out = nn.Linear(width, heads * config.head_dim, bias=False), nn.Linear(width, width, bias=False)
        self.gate, self.up = nn.Linear(width, wide, bias=False), nn.Linear(width, wide, bias=False)
        self.down = nn.Linear(wide, width, bias=False)
        self.attend = Attention(layer)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, positions: Tensor, cache: CacheView | None) -> Tensor:
        c = self.config
        heads = self.qkv(self.norm1(x)).unflatten(2, (-1, c.head_dim)).transpose(1, 2)  # (B, H + 2 G, T, K)
        queries, keys, values = heads.split((c.n_heads, c.n_kv_heads, c.n_kv_heads), dim=1)
        queries, keys = (rotate(each, positions, c.rope_base).to(values.dtype) for each in (queries, keys))
        mixed = self.attend(queries, keys, values, cache)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).flatten(2)))
        y = self.norm2(x)
        return x + self.dropout(self.down(F.silu(self.gate(y)) * self.up(y)))


class RotaryModel(LanguageModel):
    config: RotaryConfig

    def __init__(self, config: RotaryConfig, dropout: float) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.embed_dim)
        self.blocks = nn.ModuleList(Block(config, n, dropout) for n in range(config.n_layers))
        self.norm = nn.RMSNorm(config.embed_dim)
        self.head = nn.Linear(config.embed_dim, config.vocab_size, bias=False)
        self.head.weight = self.embedding.weight
        self.states = ("embedding", *(f"blocks.{n}" for n in range(config.n_layers)))
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def hidden(self, token_ids: Tensor, positions: Tensor | None = None, cache: CacheView | None = None) -> Tensor:
        if positions is None:
            positions = torch.arange(token_ids.shape[1], device=token_ids.device)[None]
        x = self.embedding(token_ids)
        for block in self.blocks:
            x = block(x, positions, cache)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        return self.head(self.norm(hidden))

    def parameter_groups(self) -> ParameterGroups:
        matrices = [
            Matrix(weight, len(weight) // self.config.head_dim if "qkv" in name else 1)
            for name, weight in self.blocks.named_parameters()
            if weight.dim() == 2
        ]
        return ParameterGroups(matrices, [self.embedding.weight])

    def layers(self) -> list[LayerInfo]:
        width, wide = self.config.embed_dim, self.config.hidden_dim
        layers = [LayerInfo("embedding", "word_embedding", f"[{self.vocab_size}, {width}]")]
        for n in range(self.config.n_layers):
            layers += [
                LayerInfo(f"blocks.{n}.norm1", "norm", f"[{width}]"),
                LayerInfo(f"blocks.{n}.down", "ffn", f"[{wide} -> {width}]"),
            ]
        return [*layers, LayerInfo("norm", "final_norm", f"[{width}]")]


@contextmanager
def registered() -> Iterator[None]:
    """While this context lasts, the registry has one line more."""
    ARCHITECTURES[RotaryConfig.architecture] = Architecture(RotaryConfig, RotaryModel)
    try:
        yield
    finally:
        del ARCHITECTURES[RotaryConfig.architecture]
