"""Snapshots (checkpoints) to resume from: a resumed run gives the same bytes as an uninterrupted one.

They are outside DVC, in `.tinychat/runs/<fingerprint>/` under the project, and are removed when the run ends.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from filelock import FileLock, Timeout
from pydantic import ConfigDict, TypeAdapter

from tinychat.errors import FaultError, InputError, text_of
from tinychat.files import write_atomically
from tinychat.model.base import LanguageModel
from tinychat.params.sections import ResolvedTrainParams
from tinychat.training.learning import LearningAnswers, answer_steps, loss_steps

SNAPSHOT_FILE = "snapshot.safetensors"
BYTES_AT_ONCE = 1 << 20
MAX_LOSS = 1e100  # a larger one is damaged
KEPT_SNAPSHOTS = 3  # snapshots of other stopped runs
RUN = re.compile("[0-9a-f]{16}")  # a fingerprint
PACKAGE = Path(__file__).parents[1]
# The code that trains: the imports of the stage train, checked by tests/training/test_snapshots.py. Without what checks
# params.yaml, and without the files of an architecture, which the run adds.
CODE = (
    "__init__.py",
    "batches/batching.py",
    "batches/losses.py",
    "batches/prepared.py",
    "environment.py",
    "errors.py",
    "files.py",
    "language/exit.py",
    "model/__init__.py",
    "model/attention.py",
    "model/base.py",
    "model/cache.py",
    "model/config.py",
    "model/generation_config.py",
    "model/registry.py",
    "model/storage.py",
    "model/weights.py",
    "printing.py",
    "runtime.py",
    "tokenizer/__init__.py",
    "tokenizer/byte_level.py",
    "tokenizer/called_names.py",
    "tokenizer/chat.py",
    "tokenizer/given_names.py",
    "tokenizer/loading.py",
    "tokenizer/vocabulary.py",
    "tokenizer/word_level.py",
    "tokenizer/words.py",
    "training/bag_of_words.py",
    "training/card.py",
    "training/common_replies.py",
    "training/cooccurrence.py",
    "training/epochs.py",
    "training/induction.py",
    "training/interruption.py",
    "training/learning.py",
    "training/loop.py",
    "training/muon.py",
    "training/optimizers.py",
    "training/progress.py",
    "training/run.py",
    "training/snapshots.py",
    "training/subwords.py",
    "training/titles.py",
)
HISTORY_FIELDS = {"epoch", "step", "learning_rate", "train_loss", "valid_loss"}  # of the history; the last may be None


@dataclass
class TrainingProgress:
    """The progress of a run; everything but tensors."""

    epoch: int = 0  # epochs that are finished
    batch: int = 0  # batches of the current epoch that are finished
    step: int = 0
    loss_sum: float = 0.0  # of the current epoch, over `loss_tokens`
    loss_tokens: int = 0
    best_loss: float | None = None
    best_epoch: int | None = None
    history: list[dict[str, float | int | None]] = field(default_factory=list)
    # For learning.json: the mean losses, the loss since the last of them, and what the model answered.
    losses: list[dict[str, float | int]] = field(default_factory=list)
    recent_sum: float = 0.0  # over `recent_tokens`
    recent_tokens: int = 0
    answers: list[LearningAnswers] = field(default_factory=list)

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    def check(self, params: ResolvedTrainParams, steps_per_epoch: int, vocab_size: int) -> None:
        """Raise ValueError where this is impossible for a run of these params with `steps_per_epoch`."""
        within = 0 <= self.epoch <= params.epochs and 0 <= self.batch <= steps_per_epoch
        if not within or self.step != self.epoch * steps_per_epoch + self.batch or self.step == 0:
            raise FaultError(
                "no step {step} in epoch {epoch}, batch {batch}", step=self.step, epoch=self.epoch, batch=self.batch
            )
        if (self.loss_tokens > 0) != (self.batch > 0) or not (
            _is_number(self.loss_tokens) and _is_number(self.loss_sum)
        ):
            raise FaultError(
                "a loss of {loss:g} over {tokens} tokens in {batch} batches",
                loss=self.loss_sum,
                tokens=self.loss_tokens,
                batch=self.batch,
            )
        if not all(map(_is_row, self.history)) or [row["epoch"] for row in self.history] != list(
            range(1, self.epoch + 1)
        ):
            raise FaultError("its history is not that of {epochs} epochs", epochs=self.epoch)
        if (self.best_loss is None) != (self.best_epoch is None) or self.best_epoch not in (
            None,
            *range(1, self.epoch + 1),
        ):
            raise FaultError("epoch {epoch} cannot be the best one", epoch=self.best_epoch)
        if not self._learning_fits(params.epochs * steps_per_epoch, vocab_size):
            raise FaultError("its losses or answers are not those of {step} steps", step=self.step)

    def _learning_fits(self, total: int, vocab_size: int) -> bool:
        """Whether the losses and answers can be those of this step of `total`."""
        noted = [step for step in loss_steps(total) if step <= self.step]
        answered = [step for step in answer_steps(total) if step <= self.step]
        asked = [row.step for row in self.answers]
        return (
            all(row.keys() == {"step", "loss"} and _is_number(row["loss"]) for row in self.losses)
            and [row["step"] for row in self.losses] == noted
            and (self.recent_tokens > 0) == (self.step not in noted)
            and _is_number(self.recent_tokens)
            and _is_number(self.recent_sum)
            and asked in (answered, [*answered, self.step])  # it also answers where a training ends early
            and all(row.fits(vocab_size) for row in self.answers)
        )


@dataclass(frozen=True)
class SnapshotStore:
    """The folder of one run's snapshot."""

    folder: Path

    def save(
        self,
        progress: TrainingProgress,
        model: LanguageModel,
        optimizer: torch.optim.Optimizer,
        best_weights: dict[str, torch.Tensor] | None,
    ) -> None:
        """Write all that the run needs to resume, atomically."""
        tensors = _tensors_of(model, optimizer, best_weights)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        data = safetensors.torch.save(tensors, metadata={"progress": json.dumps(asdict(progress))})
        write_atomically(self.folder / SNAPSHOT_FILE, data)

    def load(
        self, model: LanguageModel, optimizer: torch.optim.Optimizer, params: ResolvedTrainParams, steps_per_epoch: int
    ) -> tuple[TrainingProgress, dict[str, torch.Tensor] | None] | None:
        """Restore model, optimizer and random state from the snapshot; None where there is none.

        Raises InputError where it is damaged: its folder's name is the fingerprint of this run, so it must fit exactly.
        """
        path = self.folder / SNAPSHOT_FILE
        if not path.exists():
            return None
        try:
            if not path.is_file():
                raise FaultError("no file")
            with safetensors.safe_open(path, framework="pt") as file:
                progress = _progress_from(file.metadata()["progress"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no dict)
            progress.check(params, steps_per_epoch, model.vocab_size)
            best = params.keep == "best" and progress.best_epoch is not None
            _make_optimizer_state(model, optimizer)
            _check_tensors(tensors, _tensors_of(model, optimizer, model.weights() if best else None), progress.step)
            groups: dict[str, dict[str, torch.Tensor]] = {"model": {}, "best": {}, "optimizer": {}, "random": {}}
            for key, tensor in tensors.items():
                group, name = key.split(".", 1)
                groups[group][name] = tensor
            _set_random_states(groups["random"])
        except Exception as error:  # safetensors, pydantic and torch raise error types of their own
            fault = text_of(error) if isinstance(error, FaultError) else " ".join(str(error).split())
            raise InputError(
                "{path}: damaged ({fault}); remove it to train from the beginning", path=path, fault=fault
            ) from None
        model.load_weights(groups["model"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in groups["optimizer"].items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        return progress, groups["best"] or None

    def remove(self) -> None:
        """Remove the snapshot, since the run has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove_others(self) -> str:
        """Remove the snapshots of other runs but the newest ones, which may still be resumed.

        A message about what was removed; empty where nothing was. To be called while no other run trains.
        """
        others = [run for run in self.folder.parent.glob("*") if RUN.fullmatch(run.name) and run != self.folder]
        others = sorted((run for run in others if run.is_dir() and not run.is_symlink()), key=_saved_at, reverse=True)
        removed = others[KEPT_SNAPSHOTS:]
        size = sum(file.stat().st_size for run in removed for file in run.iterdir() if file.is_file())
        for run in removed:
            shutil.rmtree(run, ignore_errors=True)
        if not removed:
            return ""
        names = ", ".join(run.name for run in removed)
        return (
            f"{self.folder.parent}: removed {len(removed)} snapshots ({size / 1e6:,.1f} MB) of runs that were stopped "
            f"and not resumed: {names}; the newest {KEPT_SNAPSHOTS} are kept"
        )


def _is_row(row: dict[str, float | int | None]) -> bool:
    return row.keys() == HISTORY_FIELDS and all(
        _is_number(row[key]) or (key, row[key]) == ("valid_loss", None) for key in HISTORY_FIELDS
    )


def _is_number(value: float | int | None) -> bool:
    """Whether it is a valid loss or count; integers in JSON may be too large for a float."""
    return value is not None and 0 <= value < MAX_LOSS


def _tensors_of(
    model: LanguageModel, optimizer: torch.optim.Optimizer, best_weights: dict[str, torch.Tensor] | None
) -> dict[str, torch.Tensor]:
    """All tensors that a run needs to resume, by their names in a snapshot."""
    tensors = {f"model.{name}": tensor for name, tensor in model.weights().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in (best_weights or {}).items()}
    for index, entries in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in entries.items()}
    return tensors | {f"random.{name}": tensor for name, tensor in _random_states().items()}


def _make_optimizer_state(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Take a step with zero gradients, so that the optimizer has the state tensors that a snapshot must have.

    The caller replaces weights and state afterwards.
    """
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()


def _progress_from(text: str) -> TrainingProgress:
    """Parse what `save` wrote; raises ValueError for anything else."""
    progress = TypeAdapter(TrainingProgress).validate_json(text)
    if asdict(progress) != json.loads(text):
        raise FaultError("its progress has missing or unknown fields")
    return progress


def _check_tensors(tensors: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], step: int) -> None:
    """Raise ValueError where the tensors of a snapshot are not the expected ones."""
    if odd := sorted(tensors.keys() ^ expected.keys()):
        raise FaultError("{name} is unknown" if odd[0] in tensors else "{name} is missing", name=odd[0])
    for name, tensor in tensors.items():
        wanted = expected[name]
        if (tensor.shape, tensor.dtype) != (wanted.shape, wanted.dtype):
            raise FaultError(
                "{name} is {found} instead of {wanted}",
                name=name,
                found=f"{tuple(tensor.shape)} {tensor.dtype}",
                wanted=f"{tuple(wanted.shape)} {wanted.dtype}",
            )
        if name.startswith("optimizer.") and name.endswith(".step") and not 0 < tensor.item() <= step:
            raise FaultError("{name} is {value:g} after {step} steps", name=name, value=tensor.item(), step=step)


def _saved_at(run: Path) -> float:
    """When its snapshot was saved; 0 where it has none."""
    file = run / SNAPSHOT_FILE
    return file.stat().st_mtime if file.is_file() else 0.0


def _random_states() -> dict[str, torch.Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_states(states: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"])
    if "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def work_folder(root: Path) -> Path:
    """`.tinychat` of the project; DVC names the project's root where it runs the stage."""
    return Path(os.environ.get("DVC_ROOT", root)) / ".tinychat"


def fingerprint(settings: Any, files: Iterable[Path]) -> str:
    """A name for one run: its settings, the code that trains, the content of its files.

    The code is the files of CODE, regardless of what has been imported.
    """
    named = [(name, PACKAGE / name) for name in CODE]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, path in [*named, *((path.name, path) for path in sorted(files))]:
        digest.update(f"\0{name}\0".encode())
        with open(path, "rb") as file:
            while data := file.read(BYTES_AT_ONCE):
                digest.update(data)
    return digest.hexdigest()[:16]


def versions(files: Iterable[Path]) -> list[tuple[int, ...]]:
    """Size, time of the last change and inode of the code that trains and of `files`.

    While they stay the same, so does the fingerprint, and large files need not be read again.
    """
    found = [path.stat() for path in (*(PACKAGE / name for name in CODE), *sorted(files))]
    return [(one.st_size, one.st_mtime_ns, one.st_ino) for one in found]


@contextmanager
def exclusive_training(folder: Path) -> Iterator[None]:
    """While this context lasts, no other training runs in this project.

    A killed `dvc` leaves its trainer running. Raises InputError that names the process that holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / "train.pid"
    try:
        with FileLock(folder / "train.lock", timeout=0):
            write_atomically(holder, f"{os.getpid()}\n")
            yield
    except Timeout:
        pid = holder.read_text(encoding="utf-8").strip() if holder.exists() else "unknown"
        raise InputError(
            "{folder}: another training runs in this project (process {pid}); "
            "wait for it, or end it (`kill {pid}`; its snapshot is kept), then run again",
            folder=folder,
            pid=pid,
        ) from None
