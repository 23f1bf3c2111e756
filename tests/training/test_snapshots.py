"""Snapshots that are not as they were saved, those of runs that nobody takes up, and the name of a run."""

import inspect
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch

from tests.training.test_loop import StopAfter
from tinychat.errors import InputError, Interrupted
from tinychat.model.registry import ARCHITECTURES, build_model
from tinychat.training.interruption import StopSignals
from tinychat.training.loop import Trainer
from tinychat.training.snapshots import CODE, SnapshotStore
from tools.import_closure import closure

Tensors = dict[str, torch.Tensor]
Make = Callable[..., Trainer]


def saved(make_trainer: Make, **changes: Any) -> tuple[Path, Tensors, dict[str, Any]]:
    """A snapshot within the second epoch: its file, tensors and progress."""
    stop = StopSignals()
    trainer = make_trainer(**changes)
    with pytest.raises(Interrupted):
        trainer.run(StopAfter(stop, trainer.steps_per_epoch + 2), stop)
    path = trainer.store.folder / "snapshot.safetensors"
    with safetensors.safe_open(path, framework="pt") as file:
        return path, {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["progress"])  # noqa: SIM118


def refused(make_trainer: Make, **changes: Any) -> str:
    """What is said where it cannot go on; empty where it can. Any other exception is a failure."""
    try:
        assert make_trainer(**changes).resume()
    except InputError as error:
        said = str(error)
        assert "snapshot.safetensors: damaged (" in said and said.endswith("; remove it to train from the beginning")
        assert len(said.splitlines()) == 1
        return said
    return ""


def without(name: str) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.pop(name)


def changed(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.update({name: change(tensors[name]).contiguous()})


def beside(name: str, like: str) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.update({name: tensors[like].clone()})


WORDS = "input_layer.word_embedding.weight"
WRONG_TENSORS: dict[str, Callable[[Tensors], object]] = {
    "a weight is missing": without(f"model.{WORDS}"),
    "a best weight is missing": without(f"best.{WORDS}"),
    "the optimizer lacks a tensor": without("optimizer.0.exp_avg"),
    "the optimizer lacks a step": without("optimizer.0.step"),
    "the random state is missing": without("random.cpu"),
    "all of the best are missing": lambda tensors: [tensors.pop(name) for name in list(tensors) if name[:4] == "best"],
    "all is missing": lambda tensors: [tensors.pop(name) for name in list(tensors)[1:]],
    "a weight more": beside("model.more", f"model.{WORDS}"),
    "a state more": beside("optimizer.999.exp_avg", "optimizer.0.exp_avg"),
    "a state of no number": beside("optimizer.x.exp_avg", "optimizer.0.exp_avg"),
    "a state of no name": beside("optimizer", "optimizer.0.exp_avg"),
    "a group more": beside("more.cpu", "random.cpu"),
    "a random state more": beside("random.more", "random.cpu"),
    "a weight turned": changed(f"model.{WORDS}", lambda tensor: tensor.T),
    "a weight cut": changed(f"model.{WORDS}", lambda tensor: tensor[:-1]),
    "a best weight flat": changed(f"best.{WORDS}", lambda tensor: tensor.flatten()),
    "a weight in another precision": changed(f"model.{WORDS}", lambda tensor: tensor.double()),
    "a state of another shape": changed("optimizer.0.exp_avg", lambda tensor: tensor[:1]),
    "a state of whole numbers": changed("optimizer.0.exp_avg", lambda tensor: tensor.long()),
    "a step with an axis": changed("optimizer.0.step", lambda tensor: tensor.reshape(1)),
    "a step that is no number": changed("optimizer.0.step", lambda tensor: tensor * math.nan),
    "a step of 0": changed("optimizer.0.step", lambda tensor: tensor * 0),
    "a step far ahead": changed("optimizer.0.step", lambda tensor: tensor * 1e9),
    "a random state that is cut": changed("random.cpu", lambda tensor: tensor[:-8]),
    "a random state of ones": changed("random.cpu", lambda tensor: torch.full_like(tensor, 255)),
}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_snapshot_with_other_tensors_is_named(make_trainer: Make, optimizer: str) -> None:
    settings = {"keep": "best", "optimizer": optimizer}
    path, tensors, progress = saved(make_trainer, **settings)
    assert not refused(make_trainer, **settings)
    for name, change in WRONG_TENSORS.items():
        wrong = dict(tensors)
        change(wrong)
        safetensors.torch.save_file(wrong, path, metadata={"progress": json.dumps(progress)})
        assert refused(make_trainer, **settings), name


@pytest.mark.slow
def test_a_snapshot_with_another_progress_is_named(make_trainer: Make) -> None:
    path, tensors, progress = saved(make_trainer)

    def refused_with(text: str) -> str:
        safetensors.torch.save_file(tensors, path, metadata={"progress": text})
        return refused(make_trainer)

    huge = 10**400
    # Numbers that may be: a sum, a mean, a count of tokens.
    accepted = {"loss_sum": (99, 1.5), "best_loss": (-1, 99, 1.5), "loss_tokens": (99,)}
    accepted |= {"recent_sum": (99, 1.5), "recent_tokens": (99,)}
    assert not refused_with(json.dumps(progress))
    for key in progress:
        for wrong in (None, True, -1, 99, 1.5, huge, math.nan, math.inf, "1", [], [1], [{}], {}):
            assert refused_with(json.dumps({**progress, key: wrong})) or wrong in accepted.get(key, ()), (key, wrong)
        assert refused_with(json.dumps({name: value for name, value in progress.items() if name != key})), key
    for key in progress["history"][0]:
        for wrong in (None, "1", -1, huge, [], math.nan):
            row = {**progress["history"][0], key: wrong}
            said = refused_with(json.dumps({**progress, "history": [row]}))
            assert said or (key, wrong) == ("valid_loss", None), (key, wrong)
    for text in (json.dumps({**progress, "more": 1}), "", "{", "null", "3", "[]", "{}", "[" * 10_000):
        assert refused_with(text), text
    safetensors.torch.save_file(tensors, path)
    assert refused(make_trainer)


@pytest.mark.parametrize("cut", [0, 5, 200, -1])
def test_a_snapshot_that_is_cut_is_named(make_trainer: Make, cut: int) -> None:
    path, _, _ = saved(make_trainer)
    path.write_bytes(path.read_bytes()[:cut])
    assert refused(make_trainer)


def test_a_folder_in_place_of_a_snapshot_is_named(make_trainer: Make) -> None:
    trainer = make_trainer()
    (trainer.store.folder / "snapshot.safetensors").mkdir(parents=True)
    assert "damaged (no file)" in refused(make_trainer)


def test_only_the_newest_runs_that_were_stopped_are_kept(tmp_path: Path) -> None:
    runs = tmp_path / ".tinychat" / "runs"
    names = [f"{number:016x}" for number in range(6)]
    for age, name in enumerate(names):
        (runs / name).mkdir(parents=True)
        (runs / name / "snapshot.safetensors").write_bytes(bytes(1_000_000))
        os.utime(runs / name / "snapshot.safetensors", (1e9 - age, 1e9 - age))
    others = [runs / "notes", runs / "0123456789abcdeX", tmp_path / ".tinychat" / "0123456789abcdef"]
    for other in others:
        other.mkdir()
    said = SnapshotStore(runs / names[5]).remove_others()
    assert sorted(run.name for run in runs.iterdir() if run.name in names) == [*names[:3], names[5]]
    assert all(other.is_dir() for other in others)
    assert said == (
        f"{runs}: removed 2 snapshots (2.0 MB) of runs that were stopped and not resumed: "
        f"{names[3]}, {names[4]}; the newest 3 are kept"
    )
    assert SnapshotStore(runs / names[5]).remove_others() == ""


def test_a_link_among_the_runs_is_left_alone(tmp_path: Path) -> None:
    runs, elsewhere = tmp_path / "runs", tmp_path / "elsewhere"
    elsewhere.mkdir()
    runs.mkdir()
    for number in range(5):
        (runs / f"{number:016x}").symlink_to(elsewhere)
    assert SnapshotStore(runs / "0123456789abcdef").remove_others() == ""
    assert len(list(runs.iterdir())) == 5


LATE_IMPORTS = """
import json
from pathlib import Path
from tinychat.training.snapshots import fingerprint

first = fingerprint({}, [])
import tinychat.batches.preparing, tinychat.generation.engine, tinychat.tokenizer.building, tinychat.training.run
print(first == fingerprint({}, []))
"""


@pytest.mark.slow
def test_what_is_imported_later_does_not_change_the_name_of_a_run(repo: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LATE_IMPORTS], cwd=repo, capture_output=True, encoding="utf-8", check=True
    )
    assert ended.stdout == "True\n"


def test_the_name_of_a_run_covers_exactly_the_code_that_the_stage_imports(repo: Path) -> None:
    """The stage hands in its own two files, the run those of the architecture."""
    imported = set(closure(repo, "train")) - {"stages/train.py", "stages/__init__.py"}
    shapes = [known.config for known in ARCHITECTURES.values()]
    configs = [shape(**{field.name: 8 for field in shape.config_fields()}) for shape in shapes]
    kinds = [type(part) for config in configs for part in (config, build_model(config))]
    of_architectures = {Path(inspect.getfile(kind)).relative_to(repo).as_posix() for kind in kinds}
    assert {f"tinychat/{name}" for name in CODE} | of_architectures == imported
