"""A whole training run: build the model, train it, save it."""

import csv
import inspect
import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tinychat.batches.prepared import PreparedSplit, is_single_exchange, reply_tokens
from tinychat.errors import InputError, Interrupted, Phrase
from tinychat.files import rounded, to_json, write_together
from tinychat.model.config import ModelConfig
from tinychat.model.generation_config import GenerationConfig
from tinychat.model.registry import build_model
from tinychat.model.storage import save_model
from tinychat.params.sections import ModelParams, TrainParams
from tinychat.printing import say
from tinychat.runtime import Runtime
from tinychat.tokenizer import Tokenizer
from tinychat.training.card import model_card
from tinychat.training.common_replies import common_replies
from tinychat.training.epochs import Length, choose_length, resolve
from tinychat.training.interruption import StopSignals
from tinychat.training.learning import LearningPrompts, learning_report
from tinychat.training.loop import Trained, Trainer, plan_epoch, width_step_of
from tinychat.training.progress import TrainingDisplay
from tinychat.training.snapshots import SnapshotStore, exclusive_training, fingerprint, versions
from tinychat.training.titles import titles_in

HISTORY_COLUMNS = ("epoch", "step", "learning_rate", "train_loss", "valid_loss")


@dataclass(frozen=True)
class TrainingResult:
    """A trained model with its metadata and metrics."""

    config: ModelConfig
    trained: Trained
    generation: GenerationConfig
    settings: dict[str, Any]  # of training.json: params, device, precision, threads, versions
    metrics: dict[str, Any]
    learning: dict[str, Any]  # of learning.json

    def save(self, model: Path, reports: Path, tokenizer_file: Path) -> None:
        """Write the folder `model` and, in `reports`, metrics.json, history.csv and learning.json: all or nothing."""
        write_together(
            {
                model: lambda folder: self._fill(folder, tokenizer_file),
                reports / "metrics.json": to_json(self.metrics),
                reports / "history.csv": self._history(),
                reports / "learning.json": to_json(self.learning),
            }
        )

    def _fill(self, folder: Path, tokenizer_file: Path) -> None:
        """Everything a chat needs: config, weights, vocabulary; and the model card and training.json."""
        save_model(folder, self.config, self.trained.weights, tokenizer_file.read_bytes(), self.generation)
        (folder / "training.json").write_text(to_json(self.settings), encoding="utf-8", newline="\n")
        card = model_card(self.config, self.settings, self.metrics)
        (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")

    def _history(self) -> str:
        """The history as a table, one row per epoch."""
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, HISTORY_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in self.trained.history:
            writer.writerow({k: rounded(v) if isinstance(v, float) else v for k, v in row.items()})
        return buffer.getvalue()


def train_model(
    *,
    model_params: ModelParams,
    train_params: TrainParams,
    train: PreparedSplit,
    valid: PreparedSplit,
    files: list[Path],
    tokenizer: Tokenizer,
    runtime: Runtime,
    work_folder: Path,
    write: Callable[[TrainingResult], None],
) -> None:
    """Train a model, alone in this project, from the beginning or from its snapshot, and `write` the result.

    `files`: data and the stage's script, on which the result depends besides the params and the code of the package.
    The snapshot is removed when the result is written; where that fails, it is kept. Raises InputError
    where another training runs, the vocabulary does not fit, or the loss is not finite; Interrupted after Ctrl-C or
    SIGTERM, once a snapshot is saved.
    """
    config = model_config(model_params, tokenizer)
    steps_per_epoch = len(plan_epoch(train, train_params, 0, width_step_of(runtime)))
    length = choose_length(train_params, int(train.loss_mask.sum()), steps_per_epoch)
    resolved = resolve(train_params, length)
    settings = {
        "model": config.to_dict(),
        "train": resolved.model_dump(),
        "length": asdict(length),
        "runtime": asdict(runtime),
        "torch": torch.__version__,
    }
    with exclusive_training(work_folder), StopSignals() as stop:
        torch.manual_seed(train_params.seed)
        resolve_mkl_functions()
        model = build_model(config, train_params.dropout).to(runtime.device)
        n_parameters = model.n_parameters()
        files = [*files, *(Path(inspect.getfile(kind)) for kind in (type(config), type(model)))]
        before = versions(files)
        store = SnapshotStore(work_folder / "runs" / fingerprint(settings, files))
        if removed := store.remove_others():
            say(removed)
        prompts = LearningPrompts(valid if len(valid) else train, tokenizer, config.vocab_size)
        trainer = Trainer(model, train, valid, resolved, runtime, store, tokenizer, prompts)
        if trainer.resume():
            say(f"resuming from the snapshot of step {trainer.progress.step} of {trainer.total_steps}")
        if trainer.tokens_counted == 0:
            say("train.cooccurrence_init: nothing to count for this model: its token embeddings begin at random")
        if trainer.has_induction is False:
            say(
                "train.induction_init has no effect: it takes an architecture that supports it, n_layers of 2 or more, "
                "n_heads of 3 or more, and an even embed_dim / n_heads of 16 or more"
            )
        if not len(valid) and train_params.keep == "best":
            say("no validation dialogues: the last weights are kept, not the best")
        say(
            f"{n_parameters:,} parameters, {len(train)} examples, {trainer.steps_per_epoch} steps an epoch "
            f"({trainer.padding:.1%} padding) on {runtime.device}, {runtime.precision}, {runtime.threads} threads",
        )
        say(length.text())
        if resolved.warmup_steps < train_params.warmup_steps:
            say(
                f"train.warmup_steps: {train_params.warmup_steps} → {resolved.warmup_steps}, a fifth of the "
                f"{trainer.total_steps} steps"
            )
        with TrainingDisplay(trainer.total_steps, trainer.progress.step) as display:
            trained = trainer.run(display, stop)
        try:
            if versions(files) != before and store.folder.name != fingerprint(settings, files):
                raise inputs_changed(Phrase("the code or the data"))
            n_tokens = reply_tokens(train, tokenizer.bot_id, tokenizer.eos_id)
            generation = GenerationConfig(
                n_tokens,
                titles_in(train, tokenizer),
                is_single_exchange(train, tokenizer.bot_id),
                common_replies(train, tokenizer, n_tokens),
            )
            metrics = _metrics(trained, n_parameters, length)
            progress = trainer.progress
            learning = learning_report(progress.losses, progress.answers, prompts.prompts, tokenizer)
            write(TrainingResult(config, trained, generation, settings, metrics, learning))
        except (OSError, InputError):
            say(trainer.save_for_resume())
            raise
        if generation.single_exchange:
            say("each dialogue is one question and its answer: the model will answer each message without those before")
        if warning := length.warning(len(train)):
            say(warning)  # at the end, where a person looks
        if stop.requested:
            # DVC ignores Ctrl-C while a stage runs, and would start the next one.
            raise Interrupted(trainer.save_for_resume())
        store.remove()


def resolve_mkl_functions() -> None:
    """Call the functions that oneMKL computes for torch once, on this thread alone.

    oneMKL chooses the code for this processor at the first call. Where several threads make that call at once, one of
    them may compute its part to four digits (pytorch/pytorch#188792). A model of a seed then began with other position
    embeddings, and became another model, at one start in ten on an Intel Xeon (docs/experiments.md).
    """
    for dtype in (torch.float32, torch.float64):
        one = torch.ones(1, dtype=dtype)
        for function in (torch.sin, torch.cos, torch.sqrt):
            function(one)


def inputs_changed(what: Phrase) -> InputError:
    """The error for inputs that changed during the training.

    DVC hashes the deps of a stage after it has ended, and would record that the model was trained on the changed ones.
    """
    return InputError(
        "{what} changed during the training, so the model is not saved as their result; undo the change, and the same "
        "command saves this model, otherwise it trains a new one",
        what=what,
    )


def model_config(params: ModelParams, tokenizer: Tokenizer) -> ModelConfig:
    """The shape to build; an empty `vocab_size` takes the vocabulary's size. Raises InputError where it is smaller."""
    vocab_size = tokenizer.size if params.vocab_size is None else params.vocab_size
    if vocab_size < tokenizer.size:
        raise InputError(
            "params.yaml: model.vocab_size is {vocab_size}, but the vocabulary has {tokens} tokens; "
            "leave it empty, or take at least as many",
            vocab_size=vocab_size,
            tokens=tokenizer.size,
        )
    return params.config(vocab_size)


def _metrics(trained: Trained, parameters: int, length: Length) -> dict[str, Any]:
    kept, last = trained.history[trained.kept_epoch - 1], trained.history[-1]
    return {
        "train_loss": _rounded(kept["train_loss"]),
        "valid_loss": _rounded(kept["valid_loss"]),
        "final_train_loss": _rounded(last["train_loss"]),
        "epochs": last["epoch"],
        "epochs_planned": length.epochs,
        "epochs_reason": length.reason,
        "kept_epoch": trained.kept_epoch,
        "steps": last["step"],
        "stopped_early": trained.stopped_early,
        "parameters": parameters,
    }


def _rounded(loss: float | None) -> float | None:
    return None if loss is None else rounded(loss)
