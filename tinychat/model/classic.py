"""The article's network, layer by layer: input layer, decoder layers, output layer.

B batch, T tokens in a sequence, D embed_dim, H heads, K head dim (D / H), F ffn_dim, V vocabulary.

Sequences in a batch are padded on the right. A token attends to itself and to the tokens before it, so the padding
after a sequence reaches none of its tokens, and no padding mask is needed.
"""

import math

import torch
from torch import Tensor, nn

from tinychat.model.attention import Attention
from tinychat.model.base import HeadWeights, InductionWeights, LanguageModel, LayerInfo, Matrix, ParameterGroups
from tinychat.model.cache import CacheView
from tinychat.model.classic_config import ClassicConfig

INIT_STD = 0.02  # of all matrices, as in GPT-2
POSITIONS_RMS = 0.15  # of the position embeddings at first, a root mean square


def sinusoids(length: int, width: int) -> Tensor:
    """The position encoding of Vaswani et al. (1706.03762, 3.5), sines and cosines by turns: (length, width) fp32."""
    frequencies = 10_000 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]


class InputLayer(nn.Module):
    """Token ids to vectors: word embedding plus position embedding (the article's section 2)."""

    def __init__(self, config: ClassicConfig) -> None:
        super().__init__()
        self.word_embedding = nn.Embedding(config.vocab_size, config.embed_dim)
        self.pos_embedding = nn.Embedding(config.max_len, config.embed_dim)
        self.norm = nn.LayerNorm(config.embed_dim)

    def forward(self, token_ids: Tensor, positions: Tensor | None = None) -> Tensor:
        """(B, T) int64 → (B, T, D)."""
        if positions is None:
            positions = torch.arange(token_ids.shape[1], device=token_ids.device)  # (T,)
        x = self.word_embedding(token_ids) + self.pos_embedding(positions)  # (B, T, D)
        return self.norm(x)


class SelfAttention(nn.Module):
    """Causal multi-head self-attention (Vaswani et al., 1706.03762).

    In a state dict its parameters have the names and shapes of `nn.MultiheadAttention(…, batch_first=True)`.
    """

    def __init__(self, config: ClassicConfig, layer: int) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.in_proj = nn.Linear(config.embed_dim, 3 * config.embed_dim, device="meta")
        self.in_proj.weight = nn.Parameter(torch.empty(3 * config.embed_dim, config.embed_dim))
        self.in_proj.bias = nn.Parameter(torch.zeros(3 * config.embed_dim))
        self.attend = Attention(layer)
        self.out_proj = nn.Linear(config.embed_dim, config.embed_dim)
        nn.init.normal_(self.in_proj.weight, std=INIT_STD)
        nn.init.zeros_(self.out_proj.bias)
        self.register_state_dict_post_hook(_to_multihead_names)
        self.register_load_state_dict_pre_hook(_from_multihead_names)

    def forward(self, x: Tensor, cache: CacheView | None = None) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        queries, keys, values = self.project(x)
        heads = self.attend(queries, keys, values, cache)  # (B, H, T, K)
        return self.out_proj(heads.transpose(1, 2).flatten(2))  # (B, T, D)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of each head: (B, T, D) → three of (B, H, T, K)."""
        projected = self.in_proj(x)  # (B, T, 3D)
        heads = projected.unflatten(2, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, H, T, K)
        queries, keys, values = heads.unbind()
        return queries, keys, values

    def head_weights(self, head: int) -> HeadWeights:
        """Those of one head."""
        query, key, value = self.in_proj.weight.detach().unflatten(0, (3, self.n_heads, -1))[:, head]  # (K, D) each
        out = self.out_proj.weight.detach().unflatten(1, (self.n_heads, -1))[:, head]  # (D, K)
        return HeadWeights(query, key, value, out)


def _to_multihead_names(_: nn.Module, state: dict[str, Tensor], prefix: str, *__: object) -> None:
    for name in ("weight", "bias"):
        state[f"{prefix}in_proj_{name}"] = state.pop(f"{prefix}in_proj.{name}")


def _from_multihead_names(_: nn.Module, state: dict[str, Tensor], prefix: str, *__: object) -> None:
    for name in ("weight", "bias"):
        if (named := f"{prefix}in_proj_{name}") in state:
            state[f"{prefix}in_proj.{name}"] = state.pop(named)


class DecoderLayer(nn.Module):
    """Attention, then a feed-forward network, each with a residual connection and a layer norm after it (section 3)."""

    def __init__(self, config: ClassicConfig, layer: int, dropout: float = 0.0) -> None:
        super().__init__()
        width, ffn_dim = config.embed_dim, config.ffn_dim
        self.self_attn = SelfAttention(config, layer)
        self.norm1 = nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, ffn_dim), nn.ReLU(), nn.Linear(ffn_dim, width))
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: CacheView | None = None) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        x = self.norm1(x + self.dropout(self.self_attn(x, cache)))
        return self.norm2(x + self.dropout(self.ffn(x)))


class DialogueModel(LanguageModel):
    """The whole network (section 4). `dropout` acts in training only."""

    config: ClassicConfig

    def __init__(self, config: ClassicConfig, dropout: float = 0.0) -> None:
        super().__init__(config)
        self.input_layer = InputLayer(config)
        self.decoder_layers = nn.ModuleList(DecoderLayer(config, n, dropout) for n in range(config.n_layers))
        self.output_layer = nn.Linear(config.embed_dim, config.vocab_size)
        self.dropout = nn.Dropout(dropout)
        self.states = ("input_layer", *(f"decoder_layers.{n}" for n in range(config.n_layers)))
        self._initialise()

    def _initialise(self) -> None:
        # torch initialises embeddings with a standard deviation of 1, which Adam's steps hardly change: it took twice
        # the epochs to reach the same loss. Its other matrices start at about twice ours (docs/experiments.md).
        for parameter in self.parameters():
            if parameter.dim() >= 2:
                nn.init.normal_(parameter, std=INIT_STD)
        # Learnt as all others, but from sinusoids on: a step between two positions is the same rotation everywhere, so
        # that attention to the token before need not be learnt for each position (docs/experiments.md).
        positions = self.input_layer.pos_embedding.weight
        with torch.no_grad():
            positions.copy_(POSITIONS_RMS * math.sqrt(2) * sinusoids(*positions.shape))

    def hidden(self, token_ids: Tensor, positions: Tensor | None = None, cache: CacheView | None = None) -> Tensor:
        x = self.dropout(self.input_layer(token_ids, positions))  # (B, T, D)
        for layer in self.decoder_layers:
            x = layer(x, cache)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        return self.output_layer(hidden)

    def parameter_groups(self) -> ParameterGroups:
        """The input projection has a block per head. Position embeddings get a gradient from every sequence."""
        matrices = [
            Matrix(weight, 3 * self.config.n_heads if name.endswith("in_proj.weight") else 1)
            for name, weight in self.decoder_layers.named_parameters()
            if weight.dim() == 2
        ]
        return ParameterGroups(matrices, list(self.input_layer.word_embedding.parameters()))

    def induction_weights(self) -> InductionWeights | None:
        """Of the first head of each of the first two layers; None where there is one layer."""
        if self.config.n_layers < 2:
            return None
        first, second = (self.get_submodule(f"decoder_layers.{n}.self_attn") for n in range(2))
        assert isinstance(first, SelfAttention) and isinstance(second, SelfAttention)
        return InductionWeights(
            self.input_layer.word_embedding.weight.detach(),
            self.input_layer.pos_embedding.weight.detach(),
            first.head_weights(0),
            second.head_weights(0),
        )

    def layers(self) -> list[LayerInfo]:
        """As sections 8 to 10 of the article list them."""
        vocab, width, wide = self.config.vocab_size, self.config.embed_dim, self.config.ffn_dim
        layers = [
            LayerInfo("input_layer.word_embedding", "word_embedding", f"[{vocab}, {width}]", 8),
            LayerInfo("input_layer.pos_embedding", "pos_embedding", f"[{self.max_len}, {width}]", 8),
            LayerInfo("input_layer.norm", "norm", f"[{width}]", 8),
        ]
        for number in range(self.config.n_layers):
            layers += [
                LayerInfo(f"decoder_layers.{number}.self_attn", "self_attn", f"[{width}, {width}]", 9),
                LayerInfo(f"decoder_layers.{number}.norm1", "norm1", f"[{width}]", 9),
                LayerInfo(f"decoder_layers.{number}.ffn", "ffn", f"[{width} -> {wide} -> {width}]", 9),
                LayerInfo(f"decoder_layers.{number}.norm2", "norm2", f"[{width}]", 9),
            ]
        return [*layers, LayerInfo("output_layer", "output_layer", f"[{width}, {vocab}]", 10)]
