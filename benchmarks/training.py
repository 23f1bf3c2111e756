"""Training speed of tinychat compared with a plain implementation of the article, in one interleaved run.

    python -m benchmarks.training [--rounds 15] [--compiled]    after `make repro`: takes data/prepared and params.yaml

The same dialogues for every side, forward, backward and optimizer step. It is compared with the
article's model, corrected: nn.MultiheadAttention with a causal and a padding mask, dialogues in random order, padded to
the longest of their batch, logits for every position. Figures are medians; compare the ratios, not the machine's speed.
With --compiled also the model compiled by torch.compile, which needs a C++ compiler and half a minute.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # as the stages do

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from tinychat.batches.batching import Batch, collate, plan_batches
from tinychat.batches.losses import token_losses
from tinychat.batches.prepared import PreparedSplit, open_split
from tinychat.model import attention
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.params.loading import load_params
from tinychat.params.sections import Params
from tinychat.runtime import Runtime, keep_freed_memory
from tinychat.tokenizer import load_tokenizer
from tinychat.tokenizer.chat import IGNORE_INDEX
from tinychat.training.loop import BF16_WIDTH_STEP
from tinychat.training.optimizers import build_optimizer

TrainStep = Callable[[Batch], None]


class ArticleLayer(nn.Module):
    def __init__(self, config: ClassicConfig, dropout: float) -> None:
        super().__init__()
        width = config.embed_dim
        self.self_attn = nn.MultiheadAttention(width, config.n_heads, dropout=0.0, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, config.ffn_dim), nn.ReLU(), nn.Linear(config.ffn_dim, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, causal: Tensor, padding: Tensor) -> Tensor:
        mixed, _ = self.self_attn(x, x, x, attn_mask=causal, key_padding_mask=padding)
        x = self.norm1(x + self.dropout(mixed))
        return self.norm2(x + self.dropout(self.ffn(x)))


class ArticleModel(nn.Module):
    def __init__(self, config: ClassicConfig, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(config.vocab_size, config.embed_dim)
        self.positions = nn.Embedding(config.max_len, config.embed_dim)
        self.norm = nn.LayerNorm(config.embed_dim)
        self.layers = nn.ModuleList(ArticleLayer(config, dropout) for _ in range(config.n_layers))
        self.output_layer = nn.Linear(config.embed_dim, config.vocab_size)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.norm(self.words(ids) + self.positions(torch.arange(ids.shape[1])))
        causal = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
        for layer in self.layers:
            x = layer(x, causal, ids == 0)
        return self.output_layer(x)


def article_step(config: ClassicConfig, params: Params) -> TrainStep:
    model = ArticleModel(config, params.train.dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        logits = model(torch.from_numpy(batch.inputs))
        F.cross_entropy(
            logits.flatten(0, 1), torch.from_numpy(batch.targets).flatten(), ignore_index=IGNORE_INDEX
        ).backward()
        optimizer.step()

    return step


def tinychat_step(config: ClassicConfig, params: Params, precision: str, compiled: bool = False) -> TrainStep:
    model = build_model(config, params.train.dropout)
    if compiled:
        model.compile(dynamic=True)  # for any width of a batch
    optimizer = build_optimizer(model, params.train)
    runtime = Runtime("cpu", precision, torch.get_num_threads())

    def step(batch: Batch) -> None:
        with runtime.autocast():
            losses = token_losses(model, batch.inputs, batch.targets).losses
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def with_fused_attention(step: TrainStep) -> TrainStep:
    """The same step with torch's fused attention whatever the precision."""

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(queries, keys, values, is_causal=True)

    def fused(batch: Batch) -> None:
        chosen = attention.attend
        attention.attend = attend
        try:
            step(batch)
        finally:
            attention.attend = chosen

    return fused


def by_length(split: PreparedSplit, batch_tokens: int, width_step: int = 1) -> Iterator[Batch]:
    plan = plan_batches(split.lengths, batch_tokens, np.random.default_rng(0), width_step)
    return (collate(split, indices, 0, width_step) for indices in cycle(plan))


def in_random_order(split: PreparedSplit, batch_tokens: int) -> Iterator[Batch]:
    """Batches of as many dialogues as tinychat takes on average, whatever their length."""
    size = max(1, round(batch_tokens / float(split.lengths.mean())))
    order = np.random.default_rng(0).permutation(len(split))
    plan = [order[i : i + size] for i in range(0, len(order) - size + 1, size)] or [order]
    return (collate(split, indices, 0) for indices in cycle(plan))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--compiled", action="store_true")
    arguments = parser.parse_args()
    keep_freed_memory()
    params, tokenizer = load_params(Path()), load_tokenizer("artifacts/vocab")
    split = open_split(Path("data/prepared"), "train", vocab_size=tokenizer.size, max_len=params.model.max_len)
    sizes = params.model.model_dump(exclude={"architecture", "vocab_size"})
    config = ClassicConfig(vocab_size=int(split.tokens.max()) + 1, **sizes)
    bf16 = tinychat_step(config, params, "bf16")
    tokens = params.train.batch_tokens
    sides: dict[str, tuple[TrainStep, Iterator[Batch]]] = {
        "article, corrected": (article_step(config, params), in_random_order(split, tokens)),
        "tinychat fp32": (tinychat_step(config, params, "fp32"), by_length(split, tokens)),
        "tinychat bf16": (bf16, by_length(split, tokens, BF16_WIDTH_STEP)),
        "tinychat bf16, any width": (bf16, by_length(split, tokens)),
        "tinychat bf16, fused attention": (with_fused_attention(bf16), by_length(split, tokens, BF16_WIDTH_STEP)),
    }
    if arguments.compiled:
        step = tinychat_step(config, params, "bf16", compiled=True)
        sides["tinychat bf16, compiled"] = (step, by_length(split, tokens, BF16_WIDTH_STEP))
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(arguments.rounds + 2):
        for name, (step, batches) in sides.items():
            batch = next(batches)
            begun = time.perf_counter()
            step(batch)
            seconds = time.perf_counter() - begun
            if number >= 2:  # the first steps allocate
                speeds[name].append(int((batch.inputs != 0).sum()) / seconds)
    table = Table(
        "", "tokens/s, padding not counted", "ratio to the article's", title=f"{arguments.rounds} interleaved rounds"
    )
    reference = statistics.median(speeds["article, corrected"])
    for name, values in speeds.items():
        median = statistics.median(values)
        table.add_row(name, f"{median:,.0f}", f"{median / reference:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
