"""The effect of the initial standard deviation of the embeddings on the validation loss.

    python -m benchmarks.init_std [--epochs 3]      after `make repro`: it takes data/prepared and params.yaml

Trains the same model on the same batches with torch's default (1) and with ours, and prints the validation loss after
each epoch.
"""

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # as the stages do

import torch
from rich.console import Console
from rich.table import Table

from tinychat.batches.prepared import open_split
from tinychat.model.classic import INIT_STD, DialogueModel
from tinychat.model.registry import build_model
from tinychat.params.loading import load_params
from tinychat.params.sections import ResolvedTrainParams
from tinychat.runtime import configure_runtime
from tinychat.tokenizer import load_tokenizer
from tinychat.training.interruption import StopSignals
from tinychat.training.learning import LearningPrompts
from tinychat.training.loop import Trainer
from tinychat.training.run import model_config
from tinychat.training.snapshots import SnapshotStore


class Quiet:
    """A Display without output."""

    def step(self, tokens: int, loss: float) -> None:
        pass

    def line(self, text: str) -> None:
        pass


def validation_losses(std: float, epochs: int) -> list[float]:
    params, tokenizer = load_params(Path()), load_tokenizer("artifacts/vocab")
    train_params = ResolvedTrainParams(**{**params.train.model_dump(), "epochs": epochs, "patience": None})
    torch.manual_seed(train_params.seed)
    model = build_model(model_config(params.model, tokenizer), train_params.dropout)
    assert isinstance(model, DialogueModel)
    with torch.no_grad():
        for embedding in (model.input_layer.word_embedding, model.input_layer.pos_embedding):
            torch.nn.init.normal_(embedding.weight, std=std)
    with tempfile.TemporaryDirectory() as folder:
        sizes = {"vocab_size": tokenizer.size, "max_len": params.model.max_len}
        train, valid = (open_split(Path("data/prepared"), name, **sizes) for name in ("train", "valid"))
        store = SnapshotStore(Path(folder))
        prompts = LearningPrompts(valid, tokenizer, model.vocab_size)
        trainer = Trainer(model, train, valid, train_params, configure_runtime(), store, tokenizer, prompts)
        history = trainer.run(Quiet(), StopSignals()).history
    return [float(row["valid_loss"] or 0.0) for row in history]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    epochs = parser.parse_args().epochs
    table = Table("std", *(f"epoch {n}" for n in range(1, epochs + 1)), title="validation loss, nats per token")
    for std in (1.0, INIT_STD):
        table.add_row(f"{std:g}", *(f"{loss:.3f}" for loss in validation_losses(std, epochs)))
    Console().print(table)


if __name__ == "__main__":
    main()
