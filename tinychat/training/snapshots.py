"""Snapshots to go on from: a run that was stopped ends with the same bytes as one that was not.

They lie outside DVC, in `.tinychat/runs/<fingerprint>/` under the project, and are removed when the run ends.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from filelock import FileLock, Timeout

from tinychat.errors import InputError
from tinychat.files import write_atomically

SNAPSHOT_FILE = "snapshot.safetensors"


@dataclass
class Progress:
    """How far a run has come; all that is not tensors."""

    epoch: int = 0  # epochs that are finished
    batch: int = 0  # batches of the current epoch that are finished
    step: int = 0
    loss_sum: float = 0.0  # of the current epoch, over `loss_tokens`
    loss_tokens: int = 0
    best_loss: float | None = None
    best_epoch: int | None = None
    history: list[dict[str, float | int | None]] = field(default_factory=list)


@dataclass(frozen=True)
class SnapshotStore:
    """The folder of one run's snapshot."""

    folder: Path

    def save(
        self,
        progress: Progress,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        best_weights: dict[str, torch.Tensor] | None,
    ) -> None:
        """Write all that the run needs to go on, whole or not at all."""
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for name, tensor in (best_weights or {}).items():
            tensors[f"best.{name}"] = tensor
        for index, entries in optimizer.state_dict()["state"].items():
            for name, tensor in entries.items():
                tensors[f"optimizer.{index}.{name}"] = tensor
        for name, tensor in _random_states().items():
            tensors[f"random.{name}"] = tensor
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        data = safetensors.torch.save(tensors, metadata={"progress": json.dumps(asdict(progress))})
        write_atomically(self.folder / SNAPSHOT_FILE, data)

    def load(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[Progress, dict[str, torch.Tensor] | None] | None:
        """Put model, optimizer and random state where the snapshot left them; None where there is no snapshot."""
        path = self.folder / SNAPSHOT_FILE
        if not path.exists():
            return None
        groups: dict[str, dict[str, torch.Tensor]] = {"model": {}, "best": {}, "optimizer": {}, "random": {}}
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                progress = Progress(**json.loads(file.metadata()["progress"]))
                for key in file.keys():  # noqa: SIM118 (safe_open is no dict)
                    group, name = key.split(".", 1)
                    groups[group][name] = file.get_tensor(key)
        except Exception as error:  # safetensors raises its own error type
            raise InputError(f"{path}: damaged ({error}); remove it to train from the beginning") from None
        model.load_state_dict(groups["model"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in groups["optimizer"].items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        _set_random_states(groups["random"])
        return progress, groups["best"] or None

    def remove(self) -> None:
        """Forget the snapshot: the run has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)


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


def fingerprint(settings: Any, data: Iterable[Path]) -> str:
    """A name for one run: its settings, the code that is loaded, the content of its data files."""
    code = {
        name: Path(file)
        for name, module in sys.modules.items()
        if name.split(".")[0] in ("tinychat", "stages") and (file := getattr(module, "__file__", None))
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, path in [*sorted(code.items()), *((path.name, path) for path in sorted(data))]:
        digest.update(f"\0{name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def only_training(folder: Path) -> Iterator[None]:
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
            f"{folder}: another training runs in this project (process {pid}); "
            f"wait for it, or end it (`kill {pid}`; its snapshot is kept), then run again"
        ) from None
