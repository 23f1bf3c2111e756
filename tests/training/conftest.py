"""A training run small enough to be done many times."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tinychat.batches.prepared import PreparedSplit, to_arrays
from tinychat.batches.preparing import prepare_dialogues
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.params.sections import ResolvedTrainParams
from tinychat.runtime import Runtime
from tinychat.tokenizer import Tokenizer
from tinychat.training.learning import LearningPrompts
from tinychat.training.loop import Trainer
from tinychat.training.snapshots import SnapshotStore

PAIRS = [
    ("안녕", "반가워요!"),
    ("뭐 먹을래?", "김밥이 좋아"),
    ("고마워", "내일 또 만나요"),
    ("잘 자요", "ㅋㅋ 잘 자요"),
] * 6
FP32 = Runtime(device="cpu", precision="fp32", threads=1)

DEFAULTS: dict[str, Any] = {
    "seed": 0,
    "epochs": 4,
    "batch_tokens": 80,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "beta2": 0.98,
    "weight_decay": 0.01,
    "schedule": "cosine",
    "warmup_steps": 3,
    "dropout": 0.1,
    "subword_embeddings": False,
    "cooccurrence_init": False,
    "induction_init": False,
    "prompt_loss_weight": 0.0,
    "bag_of_words_weight": 0.0,
    "grad_clip": 1.0,
    "patience": None,
    "keep": "last",
}


class SilentDisplay:
    """Keeps the lines instead of showing them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps = 0

    def step(self, tokens: int, loss: float) -> None:
        self.steps += 1

    def line(self, text: str) -> None:
        self.lines.append(text)


def split_of(tokenizer: Tokenizer, pairs: list[tuple[str, str]]) -> PreparedSplit:
    dialogues = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in pairs]
    return to_arrays(prepare_dialogues(dialogues, tokenizer, 48, "reply", "drop").examples, tokenizer.size)


@pytest.fixture
def make_trainer(bpe: Tokenizer, tmp_path: Path) -> Any:
    def make(
        *, valid: list[tuple[str, str]] = PAIRS[:3], runtime: Runtime = FP32, embed_dim: int = 32, **changes: Any
    ) -> Trainer:
        params = ResolvedTrainParams(**{**DEFAULTS, **changes})
        torch.manual_seed(params.seed)
        config = ClassicConfig(vocab_size=bpe.size, embed_dim=embed_dim, n_layers=2, n_heads=4, ffn_dim=64, max_len=48)
        model = build_model(config, params.dropout).to(runtime.device)
        store = SnapshotStore(tmp_path / "runs" / "test")
        train, held_out = split_of(bpe, PAIRS), split_of(bpe, valid)
        prompts = LearningPrompts(held_out if valid else train, bpe, bpe.size)
        return Trainer(model, train, held_out, params, runtime, store, bpe, prompts)

    return make
