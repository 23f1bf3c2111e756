"""The real `dvc` in a copy of the project, on a small corpus."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

QUESTIONS = [
    "안녕",
    "뭐 해?",
    "배고파",
    "잘 자",
    "고마워",
    "심심해",
    "이름이 뭐야?",
    "어디 가?",
    "좋아해",
    "날씨 어때?",
]
SMALL = {
    "embed_dim": "32",
    "n_layers": "2",
    "n_heads": "4",
    "ffn_dim": "64",
    "epochs": "3",
    "max_size": "400",
    "method": "sample",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's files, as git sees them, with a corpus of its own; the pipeline has run in it."""
    repo = Path(__file__).parents[1]
    copy = tmp_path_factory.mktemp("pipeline") / "tinychat"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repo,
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (repo / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repo / name, copy / name)
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    rows = [f"{question},{question} 그래요 {n}\n" for question in QUESTIONS for n in range(8)]
    (copy / "data/raw/qa.csv").write_text("Q,A\n" + "".join(rows), encoding="utf-8")
    change(copy, SMALL)
    repro(copy)
    return copy


def change(project: Path, values: Mapping[str, str]) -> None:
    """Set keys in params.yaml, each of which stands there once."""
    path = project / "params.yaml"
    text = path.read_text(encoding="utf-8")
    for key, value in values.items():
        text, count = re.subn(rf"^(  {key}:) \S+", rf"\1 {value}", text, flags=re.MULTILINE)
        assert count == 1, key
    path.write_text(text, encoding="utf-8")


def repro(project: Path) -> list[str]:
    """Run `dvc repro`; the stages that ran, in order."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=project,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return re.findall(r"^Running stage '(\w+)'", ended.stdout, re.MULTILINE)


def test_a_second_repro_runs_nothing(project: Path) -> None:
    assert repro(project) == []


def test_another_temperature_retrains_nothing(project: Path) -> None:
    change(project, {"temperature": "5.0"})
    assert repro(project) == ["generate", "export_csv", "summarize"]
    change(project, {"temperature": "0.8"})
    assert repro(project) == []  # restored from the run cache


def test_every_out_of_the_design_is_there(project: Path) -> None:
    for path in (
        "data/corpus/train.jsonl",
        "artifacts/vocab/vocab.csv",
        "data/prepared/train.tokens.npy",
        "models/dialogue/model.safetensors",
        "models/dialogue/README.md",
        "reports/train/history.csv",
        "outputs/generated_dialogue.csv",
        "reports/layers/layers.csv",
        "reports/summary.html",
        "reports/summary.md",
    ):
        assert (project / path).is_file(), path
    summary = json.loads((project / "reports/summary.json").read_text(encoding="utf-8"))
    assert summary["레이어 수"] == 2


def test_only_numbers_are_left_to_git(project: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "reports", "outputs", "models", "data", "artifacts"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(listed.stdout.split()) == [
        "data/raw/README.md",
        "reports/corpus/metrics.json",
        "reports/evaluate/metrics.json",
        "reports/prepare/metrics.json",
        "reports/train/history.csv",
        "reports/train/metrics.json",
        "reports/vocab/metrics.json",
    ]
