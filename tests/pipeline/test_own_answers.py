"""My shop's 40 answers, alone and beside small talk: with the defaults they are answered as they were written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipeline.test_quality import copy_part

pytestmark = pytest.mark.slow

SMALL_TALK = {
    "corpus": {"starter": {"dialogues": 1000, "seed": 0}},
    "model": {"embed_dim": 128, "n_layers": 4, "n_heads": 4, "ffn_dim": 512},
    "train": {"batch_tokens": 512, "learning_rate": 0.0035},
    "evaluate": {"max_dialogues": 200},
}
STAGES = ("ingest", "build_vocab", "prepare_data", "train", "evaluate")


def run_stages(folder: Path, repo: Path, sections: dict[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """What the stages print beside the shop's table, with params.yaml but for these, and the measures."""
    params = yaml.safe_load((repo / "params.yaml").read_text(encoding="utf-8"))
    for section, values in sections.items():
        params[section] |= values
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (folder / "data/raw").mkdir(parents=True)
    shutil.copy(repo / "examples/shop/shop.csv", folder / "data/raw")
    settings = {"TINYCHAT_DEVICE": "cpu", "TINYCHAT_PRECISION": "fp32", "TINYCHAT_THREADS": "1"}
    printed = ""
    for stage in STAGES:
        printed += subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(repo), "PYTHONIOENCODING": "utf-8", **settings},
            check=True,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        ).stdout
    return printed, json.loads((folder / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))


def test_forty_rows_alone_are_answered_as_written_and_nothing_is_claimed_of_others(repo: Path, tmp_path: Path) -> None:
    printed, measures = run_stages(tmp_path, repo, {})
    assert measures["seen"]["replies"]["asked"] == 40
    assert measures["seen"]["replies"]["exact"] >= 0.9
    assert measures["held_out"] is None
    assert "train.epochs: auto → " in printed
    assert "warning: 40 questions, 40 answers: this is little." in printed


def test_forty_rows_beside_small_talk_are_answered_as_written_and_the_small_talk_stays(
    repo: Path, tmp_path: Path
) -> None:
    copy_part(repo / "data/starter", tmp_path / "data/starter")
    sources = [{"file": "shop.csv", "share": 0.1}, {"corpus": "starter"}]
    small = SMALL_TALK | {"corpus": SMALL_TALK["corpus"] | {"sources": sources}}
    printed, measures = run_stages(tmp_path, repo, small)
    shop, starter = measures["sources"]["source_1"], measures["sources"]["source_2"]
    assert shop["seen"]["asked"] == 40
    assert shop["seen"]["exact"] >= 0.9, printed
    assert shop["held_out"] is None
    assert starter["seen"]["exact"] >= 0.8, printed
    assert measures["measures"]["seen"]["accepted"] >= 0.8, printed
    assert "source_1, shop.csv: trained questions: " in printed
