"""What one `dvc repro` leaves, and that a second one runs nothing."""

import json

from tests.pipeline.project import STAGES, Project


def test_a_second_repro_runs_nothing(project: Project) -> None:
    again = project.repro()
    assert (again.ran, again.restored) == ([], [])
    assert set(again.unchanged) == set(STAGES)


def test_every_out_of_the_design_is_there(finished: Project) -> None:
    for path in (
        "data/corpus/train.jsonl",
        "artifacts/vocab/vocab.csv",
        "data/prepared/train.tokens.npy",
        "models/dialogue/model.safetensors",
        "models/dialogue/README.md",
        "reports/train/history.csv",
        "reports/train/learning.json",
        "outputs/generated_dialogue.csv",
        "reports/layers/layers.csv",
        "reports/summary.html",
    ):
        assert (finished.root / path).is_file(), path
    summary = json.loads((finished.root / "reports/summary.json").read_text(encoding="utf-8"))
    assert summary["레이어 수"] == 2


def test_only_numbers_are_left_to_git(project: Project) -> None:
    ours = (":!data/starter", ":!data/safety")
    listed = project.git("ls-files", "reports", "outputs", "models", "data", "artifacts", *ours)
    assert sorted(listed.split()) == [
        "data/raw/README.md",
        "reports/corpus/metrics.json",
        "reports/evaluate/metrics.json",
        "reports/prepare/metrics.json",
        "reports/train/history.csv",
        "reports/train/metrics.json",
        "reports/vocab/metrics.json",
    ]
    assert project.git("status", "--short") == ""
