"""The article's network, layer by layer: input layer, decoder layers, output layer.

B batch, T tokens in a sequence, D embed_dim, H heads, K head dim (D / H), F ffn_dim, V vocabulary.

Sentences in a batch are padded on the right. A token attends to itself and to what stands before it, so the padding
behind a sentence reaches none of its tokens, and no padding mask is needed.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SPREAD = 0.02  # of all matrices at the start, as in GPT-2


class InputLayer(nn.Module):
    """Token ids to vectors: what the word is, plus where it stands (the article's section 2)."""

    def __init__(self, vocab_size: int, embed_dim: int, max_len: int) -> None:
        super().__init__()
        self.word_embedding = nn.Embedding(vocab_size, embed_dim)
        self.pos_embedding = nn.Embedding(max_len, embed_dim)
        self.norm = nn.LayerNorm(embed_dim)

    def forward(self, token_ids: Tensor) -> Tensor:
        """(B, T) int64 → (B, T, D)."""
        positions = torch.arange(token_ids.shape[1], device=token_ids.device)  # (T,)
        x = self.word_embedding(token_ids) + self.pos_embedding(positions)  # (B, T, D)
        return self.norm(x)


class SelfAttention(nn.Module):
    """Multi-head attention over a sentence's own past (Vaswani et al., 1706.03762).

    Its parameters have the names and shapes of `nn.MultiheadAttention(…, batch_first=True)`.
    """

    def __init__(self, embed_dim: int, n_heads: int) -> None:
        super().__init__()
        if embed_dim % n_heads:
            raise ValueError(f"n_heads {n_heads} does not divide embed_dim {embed_dim}")
        self.n_heads = n_heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * embed_dim, embed_dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * embed_dim))
        self.out_proj = nn.Linear(embed_dim, embed_dim)
        nn.init.normal_(self.in_proj_weight, std=SPREAD)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        queries, keys, values = self.project(x)
        mixed = attend(queries, keys, values)  # (B, H, T, K)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))  # (B, T, D)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of each head: (B, T, D) → three of (B, H, T, K)."""
        projected = F.linear(x, self.in_proj_weight, self.in_proj_bias)  # (B, T, 3D)
        heads = projected.unflatten(2, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, H, T, K)
        queries, keys, values = heads.unbind()
        return queries, keys, values


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Causal attention, (B, H, T, K) each → (B, H, T, K).

    On a CPU in bf16 plain products take a fraction of the fused kernel's time, in fp32 several times as much
    (docs/experiments.md).
    """
    if queries.device.type == "cpu" and queries.dtype == torch.bfloat16:
        length, size = queries.shape[2:]
        future = queries.new_full((length, length), -torch.inf).triu(1)
        q, k, v = (each.flatten(0, 1) for each in (queries, keys, values))  # (B H, T, K) each
        scores = torch.baddbmm(future, q, k.transpose(1, 2), alpha=1 / math.sqrt(size))  # (B H, T, T)
        return (scores.softmax(dim=-1) @ v).unflatten(0, queries.shape[:2])
    return F.scaled_dot_product_attention(queries, keys, values, is_causal=True)


def attention_weights(queries: Tensor, keys: Tensor) -> Tensor:
    """How much each token takes from each token up to it: (B, H, T, K) twice → (B, H, T, T), rows add up to 1."""
    length = queries.shape[2]
    scores = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3])  # (B, H, T, T)
    future = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(dim=-1)


class DecoderLayer(nn.Module):
    """Attention, then a feed-forward network, each added to what came in and normalised (section 3)."""

    def __init__(self, embed_dim: int, n_heads: int, ffn_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.self_attn = SelfAttention(embed_dim, n_heads)
        self.norm1 = nn.LayerNorm(embed_dim)
        self.ffn = nn.Sequential(nn.Linear(embed_dim, ffn_dim), nn.ReLU(), nn.Linear(ffn_dim, embed_dim))
        self.norm2 = nn.LayerNorm(embed_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        x = self.norm1(x + self.dropout(self.self_attn(x)))
        return self.norm2(x + self.dropout(self.ffn(x)))


class DialogueModel(nn.Module):
    """The whole network (section 4): scores of every token of the vocabulary for the next place.

    `dropout` counts in training only; it has no parameters.
    """

    def __init__(
        self,
        vocab_size: int,
        embed_dim: int,
        n_layers: int,
        n_heads: int,
        ffn_dim: int,
        max_len: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.max_len = max_len
        self.vocab_size = vocab_size
        self.n_heads = n_heads
        self.input_layer = InputLayer(vocab_size, embed_dim, max_len)
        self.decoder_layers = nn.ModuleList(DecoderLayer(embed_dim, n_heads, ffn_dim, dropout) for _ in range(n_layers))
        self.output_layer = nn.Linear(embed_dim, vocab_size)
        self.dropout = nn.Dropout(dropout)
        self._initialise()

    def _initialise(self) -> None:
        # torch's embeddings begin with a spread of 1, which Adam's steps hardly move: they took twice the epochs to the
        # same loss. Its other matrices begin with about twice ours (docs/experiments.md).
        for parameter in self.parameters():
            if parameter.dim() >= 2:
                nn.init.normal_(parameter, std=SPREAD)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Logits: (B, T) int64, padded on the right → (B, T, V). Raises ValueError where T is above max_len."""
        return self.output_layer(self.hidden(token_ids))

    def hidden(self, token_ids: Tensor) -> Tensor:
        """What the last decoder layer gives, (B, T) int64 → (B, T, D); the output layer makes logits of it."""
        if token_ids.shape[1] > self.max_len:
            raise ValueError(f"{token_ids.shape[1]} tokens; this model takes at most max_len {self.max_len}")
        x = self.dropout(self.input_layer(token_ids))  # (B, T, D)
        for layer in self.decoder_layers:
            x = layer(x)
        return x

    @property
    def device(self) -> torch.device:
        """Where the parameters lie."""
        return self.output_layer.weight.device

    def n_parameters(self) -> int:
        """Number of weights, all of them trained."""
        return sum(parameter.numel() for parameter in self.parameters())
