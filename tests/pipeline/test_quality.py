"""A floor for the quality of the default model: what a short training on a part of the sample must reach."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

TOPICS = ("greetings", "food", "weather", "feelings")
SCENES = ("names",)
SHORT = {
    "corpus": {"starter": {"dialogues": 12000, "seed": 0}},
    "model": {"embed_dim": 128, "n_layers": 4, "n_heads": 4, "ffn_dim": 512},
    "train": {"epochs": 2, "batch_tokens": 512, "learning_rate": 0.0035},
    "evaluate": {"max_dialogues": 20},
}
FLOORS = {"near": 0.66, "name": 0.80}  # 0.771 and 0.940 were reached, by another seed 0.828 and 0.945

# The stage evaluate, without the correction of names that the model misspells: it would hide that it cannot copy them.
UNMENDED = """
import runpy
from tinychat.tokenizer.told_names import ToldNames
ToldNames.first_untold = lambda self, reply: None
runpy.run_module("stages.evaluate", run_name="__main__")
"""


def keep_measured(path: Path) -> None:
    """Only the dialogues of these measures."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(
        "".join(line for line in lines if json.loads(line)["metadata"]["measure"] in FLOORS), encoding="utf-8"
    )


def copy_part(starter: Path, to: Path) -> None:
    """A quarter of the starter corpus, which needs fewer steps."""
    shutil.copytree(starter, to, ignore=shutil.ignore_patterns("topics", "scenes"))
    for folder, names in (("topics", TOPICS), ("scenes", SCENES)):
        (to / folder).mkdir()
        for name in names:
            shutil.copy(starter / folder / f"{name}.yaml", to / folder)


@pytest.mark.slow
def test_a_short_training_answers_held_out_phrasings_and_uses_unseen_names(repo: Path, tmp_path: Path) -> None:
    """`near`: held-out phrasings of trained intents. `name`: a name that no training dialogue has is called back."""
    params = yaml.safe_load((repo / "params.yaml").read_text(encoding="utf-8"))
    for section, values in SHORT.items():
        params[section] |= values
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (tmp_path / "data/raw").mkdir(parents=True)
    copy_part(repo / "data/starter", tmp_path / "data/starter")
    environment = {**os.environ, "PYTHONPATH": str(repo), "TINYCHAT_DEVICE": "cpu", "TINYCHAT_PRECISION": "fp32"}
    environment["TINYCHAT_THREADS"] = "1"  # other tests take the other cores
    for stage in ("ingest", "build_vocab", "prepare_data", "train", "evaluate"):
        command = ("-c", UNMENDED) if stage == "evaluate" else ("-m", f"stages.{stage}")
        subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, check=True)
        if stage == "ingest":
            keep_measured(tmp_path / "data/corpus/test.jsonl")
    measures = json.loads((tmp_path / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))["measures"]
    reached = {name: measures[name]["accepted"] for name in FLOORS}
    assert all(reached[name] >= floor for name, floor in FLOORS.items()), reached
