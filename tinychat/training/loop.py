"""The training loop: batches by length, one optimizer step each, validation after each epoch."""

import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from tinychat.batches.batching import (
    Batch,
    PromptIds,
    collate,
    padding_share,
    plan_batches,
    sample_prompt_targets,
)
from tinychat.batches.losses import token_losses
from tinychat.batches.prepared import PreparedSplit
from tinychat.errors import InputError, Interrupted, Phrase, describe
from tinychat.model.base import LanguageModel
from tinychat.params.sections import ResolvedTrainParams, TrainParams
from tinychat.printing import say
from tinychat.runtime import Runtime
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import IGNORE_INDEX
from tinychat.training.bag_of_words import BagOfWords, without_bag_of_words
from tinychat.training.cooccurrence import add_cooccurrence
from tinychat.training.induction import init_induction, reserved_dims
from tinychat.training.interruption import StopSignals
from tinychat.training.learning import LearningPrompts, answer_steps, loss_steps
from tinychat.training.optimizers import build_optimizer, learning_rate_at
from tinychat.training.progress import Display
from tinychat.training.snapshots import SnapshotStore, TrainingProgress
from tinychat.training.subwords import add_subwords, merge_subwords

SECONDS_BETWEEN_SNAPSHOTS = 60.0
VALIDATION_BATCH_TOKENS = 4096
MAX_LINES = 20  # of progress, about: with more epochs only every n-th is printed
# In bf16 on a CPU oneDNN compiles a primitive for each new shape, which takes longer than the step itself, and odd
# sizes are slow (docs/experiments.md): the width of batches is padded to a multiple of this.
BF16_WIDTH_STEP = 8
# Of the tokens of prompts, where they carry loss, so many are drawn at random in each step, and weigh as much as all:
# the output layer takes a third of a step (docs/experiments.md).
PROMPT_TARGETS_SHARE = 0.25


@dataclass(frozen=True)
class Trained:
    """The outcome of a training run.

    weights      the weights that are kept, by name
    history      one row per epoch: epoch, step, learning_rate, train_loss, valid_loss (nats per token; None without
                 a validation split)
    kept_epoch   the epoch whose weights are kept
    stopped_early  whether `patience` ended the run
    """

    weights: dict[str, torch.Tensor]
    history: list[dict[str, float | int | None]]
    kept_epoch: int
    stopped_early: bool


def width_step_of(runtime: Runtime) -> int:
    """What the width of batches is padded to a multiple of."""
    return BF16_WIDTH_STEP if runtime.precision == "bf16" else 1


def plan_epoch(train: PreparedSplit, params: TrainParams, epoch: int, width_step: int) -> list[np.ndarray]:
    """The batches of an epoch, counted from 0: the indices of the examples in each."""
    generator = np.random.default_rng([params.seed, epoch])
    return plan_batches(train.lengths, params.batch_tokens, generator, width_step)


class Trainer:
    """One training run, which can be stopped after any step and resumes from its snapshot with the same numbers."""

    def __init__(
        self,
        model: LanguageModel,
        train: PreparedSplit,
        valid: PreparedSplit,
        params: ResolvedTrainParams,
        runtime: Runtime,
        store: SnapshotStore,
        tokenizer: Tokenizer,
        prompts: LearningPrompts,
    ) -> None:
        # Before a snapshot is looked for: resuming restores the weights and the random state.
        reserved = reserved_dims(model) if params.induction_init else 0
        self.tokens_counted = add_cooccurrence(model, train, tokenizer, reserved) if params.cooccurrence_init else None
        self.has_induction = init_induction(model) if params.induction_init else None
        if params.subword_embeddings:
            add_subwords(model, tokenizer)
        self.model, self.train, self.valid, self.params, self.runtime = model, train, valid, params, runtime
        self.store, self.pad_id, self.prompts = store, tokenizer.pad_id, prompts
        marks = PromptIds.of(tokenizer)
        self._prompt_ids = marks if params.prompt_loss_weight else None
        self._bag_of_words = BagOfWords(model, marks) if params.bag_of_words_weight else None
        self.width_step = width_step_of(runtime)
        self.optimizer = build_optimizer(
            model, params, torch.bfloat16 if runtime.precision == "bf16" else torch.float32
        )
        plan = self._plan(0)
        self.steps_per_epoch = len(plan)
        self.padding = padding_share(train.lengths, plan, self.width_step)
        self.total_steps = self.steps_per_epoch * params.epochs
        self._loss_steps = frozenset(loss_steps(self.total_steps))
        self._answer_steps = frozenset(answer_steps(self.total_steps))
        self.progress = TrainingProgress()
        self.best_weights: dict[str, torch.Tensor] | None = None
        self._snapshot_step: int | None = None  # of the saved snapshot
        self._warned = False  # whether the user was warned that a snapshot could not be saved

    def resume(self) -> bool:
        """Load the snapshot; False where there is none. Raises InputError where it is damaged."""
        found = self.store.load(self.model, self.optimizer, self.params, self.steps_per_epoch)
        if found is None:
            return False
        self.progress, self.best_weights = found
        self._snapshot_step = self.progress.step
        return True

    def run(self, display: Display, stop: StopSignals) -> Trained:
        """Train to the end. Raises Interrupted after saving a snapshot, InputError where the loss is not finite."""
        saved = time.monotonic()
        progress = self.progress
        if progress.step == 0:
            self._answer()
        while progress.epoch < self.params.epochs and not self._out_of_patience():
            plan = self._plan(progress.epoch)
            self.model.train()
            for indices in plan[progress.batch :]:
                self._step(indices, display)
                if progress.step in self._answer_steps:
                    self._answer()
                self._stop_if_requested(stop)
                if time.monotonic() - saved > SECONDS_BETWEEN_SNAPSHOTS:
                    self._try_to_save()
                    saved = time.monotonic()
            self._finish_epoch(display, stop)
        if progress.answers[-1].step != progress.step:  # it ended early
            self._answer()
        return self._trained()

    def _plan(self, epoch: int) -> list[np.ndarray]:
        return plan_epoch(self.train, self.params, epoch, self.width_step)

    def _step(self, indices: np.ndarray, display: Display) -> None:
        progress = self.progress
        batch = collate(self.train, indices, self.pad_id, self.width_step, self._prompt_ids)
        n_prompt_targets = int(batch.is_prompt.sum())
        if self._prompt_ids is not None:
            generator = np.random.default_rng([self.params.seed, progress.step])
            batch = sample_prompt_targets(batch, PROMPT_TARGETS_SHARE, generator)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(progress.step, self.total_steps, self.params) * group.get("lr_scale", 1.0)
        with self.runtime.autocast():
            losses = token_losses(self.model, batch.inputs, batch.targets).losses
        loss, losses = self._weighted(losses, batch, n_prompt_targets)
        if self._bag_of_words:
            with self.runtime.autocast():
                loss = loss + self.params.bag_of_words_weight * self._bag_of_words.loss(batch)
        loss.backward()
        norm = self._clip()
        value = losses.mean().item()
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise self._diverged(value if not math.isfinite(value) else norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        progress.batch += 1
        progress.step += 1
        progress.loss_sum += value * len(losses)
        progress.loss_tokens += len(losses)
        progress.recent_sum += value * len(losses)
        progress.recent_tokens += len(losses)
        if progress.step in self._loss_steps:
            progress.losses.append({"step": progress.step, "loss": progress.recent_sum / progress.recent_tokens})
            progress.recent_sum, progress.recent_tokens = 0.0, 0
        display.step(batch.inputs.size, value)

    def _weighted(self, losses: torch.Tensor, batch: Batch, n_prompt_targets: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss to minimise, and the losses of the replies alone (N,): what is reported, as for validation.

        A token of a user's turn counts `prompt_loss_weight` times as much as one of a reply; those of the batch stand
        for `n_prompt_targets`.
        """
        if self._prompt_ids is None:
            return losses.mean(), losses
        is_prompt = torch.from_numpy(batch.is_prompt[batch.targets != IGNORE_INDEX]).to(losses.device)
        of_replies, of_prompts = losses[~is_prompt], losses[is_prompt]
        weight = self.params.prompt_loss_weight * n_prompt_targets / max(1, len(of_prompts))
        return of_replies.mean() + weight * of_prompts.sum() / len(of_replies), of_replies

    def _answer(self) -> None:
        """Note what the model answers now."""
        self.progress.answers.append(self.prompts.answers(self.model, self.progress.step))

    def _clip(self) -> float:
        """Clip the gradient's norm to `grad_clip`; returns the norm before."""
        limit = self.params.grad_clip
        return torch.nn.utils.clip_grad_norm_(self.model.parameters(), math.inf if limit is None else limit).item()

    def _diverged(self, value: float) -> InputError:
        p = self.params
        advice: Phrase = Phrase("lower train.learning_rate (now {rate:g})", rate=p.learning_rate)
        if p.grad_clip is None or p.grad_clip > 1:
            advice = Phrase("{first}, or {other}", first=advice, other=Phrase("set train.grad_clip to 1.0"))
        if p.warmup_steps < 100:
            other = Phrase("raise train.warmup_steps (now {steps})", steps=p.warmup_steps)
            advice = Phrase("{first}, or {other}", first=advice, other=other)
        if self.runtime.precision != "fp32":
            advice = Phrase("{first}, or {other}", first=advice, other=Phrase("set TINYCHAT_PRECISION=fp32"))
        return InputError(
            "the loss or its gradient became {value} at step {step} (epoch {epoch}); in params.yaml, {advice}",
            value=value,
            step=self.progress.step + 1,
            epoch=self.progress.epoch + 1,
            advice=advice,
        )

    def _finish_epoch(self, display: Display, stop: StopSignals) -> None:
        progress, epochs = self.progress, self.params.epochs
        train_loss = progress.loss_sum / progress.loss_tokens
        valid_loss = self._validate(stop)
        progress.epoch += 1
        progress.batch, progress.loss_sum, progress.loss_tokens = 0, 0.0, 0
        progress.history.append(
            {
                "epoch": progress.epoch,
                "step": progress.step,
                "learning_rate": learning_rate_at(progress.step - 1, self.total_steps, self.params),
                "train_loss": train_loss,
                "valid_loss": valid_loss,
            }
        )
        if valid_loss is not None and (progress.best_loss is None or valid_loss < progress.best_loss):
            progress.best_loss, progress.best_epoch = valid_loss, progress.epoch
            if self.params.keep == "best":
                self.best_weights = {k: v.detach().cpu().clone() for k, v in self.model.weights().items()}
        if progress.epoch % math.ceil(epochs / MAX_LINES) == 0 or progress.epoch in (1, epochs):
            tail = "" if valid_loss is None else f"  validation {valid_loss:.4f}"
            display.line(f"epoch {progress.epoch:>{len(str(epochs))}}/{epochs}  loss {train_loss:.4f}{tail}")

    @torch.no_grad()
    def _validate(self, stop: StopSignals) -> float | None:
        """Mean loss per token on the validation split; None where it is empty."""
        if not len(self.valid):
            return None
        self.model.eval()
        total, tokens = 0.0, 0
        for indices in plan_batches(self.valid.lengths, VALIDATION_BATCH_TOKENS, width_step=self.width_step):
            self._stop_if_requested(stop)
            with self.runtime.autocast():
                batch = collate(self.valid, indices, self.pad_id, self.width_step)
                losses = token_losses(self.model, batch.inputs, batch.targets).losses
            total += losses.cpu().double().sum().item()  # MPS has no float64
            tokens += len(losses)
        if not math.isfinite(total):
            raise self._diverged(total)
        return total / tokens

    def _out_of_patience(self) -> bool:
        patience, best = self.params.patience, self.progress.best_epoch
        return patience is not None and best is not None and self.progress.epoch - best >= patience

    def save(self) -> None:
        """Write a snapshot."""
        self.store.save(self.progress, self.model, self.optimizer, self.best_weights)
        self._snapshot_step = self.progress.step

    def save_for_resume(self) -> Phrase:
        """Save a snapshot; a message on where the same command resumes. An earlier snapshot stays if this one fails."""
        try:
            self.save()
        except OSError as error:
            return Phrase(
                "no snapshot of step {step} ({reason}); {next}",
                step=self.progress.step,
                reason=describe(error),
                next=self._next_start(),
            )
        return Phrase(
            "a snapshot of step {step} of {steps} is kept in {folder}; the same command resumes from there",
            step=self.progress.step,
            steps=self.total_steps,
            folder=self.store.folder,
        )

    def _next_start(self) -> Phrase:
        if self._snapshot_step is None:
            return Phrase("the same command starts from the beginning")
        return Phrase("the same command resumes from the snapshot of step {step}", step=self._snapshot_step)

    def _try_to_save(self) -> None:
        """Save a snapshot; where that fails, warn once and go on training."""
        try:
            self.save()
            self._warned = False
        except OSError as error:
            if not self._warned:
                say(
                    f"warning: no snapshot of step {self.progress.step} ({describe(error)}); training goes on. "
                    f"Where it is stopped, {self._next_start()}",
                    stderr=True,
                )
            self._warned = True

    def _stop_if_requested(self, stop: StopSignals) -> None:
        if stop.requested:
            raise Interrupted(self.save_for_resume())

    def _trained(self) -> Trained:
        progress = self.progress
        best = self.params.keep == "best" and self.best_weights is not None
        weights = self.best_weights if best and self.best_weights else self.model.weights()
        if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
            raise self._diverged(math.nan)
        return Trained(
            weights=without_bag_of_words(merge_subwords(self.model, weights)),
            history=progress.history,
            kept_epoch=progress.best_epoch if best and progress.best_epoch else progress.epoch,
            stopped_early=progress.epoch < self.params.epochs,
        )
