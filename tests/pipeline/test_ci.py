"""The workflows' own commands, in a clone, as a runner has them."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.forkserver import fast_environment
from tests.pipeline.project import REPO, Project

WORKFLOWS = [REPO / "docs/ci.yml", REPO / ".github/workflows/ci.yml"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no make")


def commands(workflow: Path) -> list[str]:
    """What the workflow's steps run."""
    jobs: dict[str, Any] = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


@pytest.fixture
def clone(project: Project, tmp_path: Path) -> Project:
    """A clone, as a runner checks it out: what git has, no raw dialogues, no cache. It has the packages."""
    made = Project(tmp_path / "clone")
    project.git("clone", "--quiet", ".", str(made.root))
    (made.root / ".venv").symlink_to(fast_environment(tmp_path / "venv"))
    return made


def test_every_command_of_a_workflow_is_a_make_target_or_a_file_of_the_project() -> None:
    makefile = (REPO / "Makefile").read_text(encoding="utf-8")
    for workflow in WORKFLOWS:
        for command in commands(workflow):
            first, *rest = command.split()
            assert (first == "make" and f"\n{rest[0]}:" in makefile) or (REPO / first).is_file(), command


@pytest.mark.slow
def test_the_pipeline_job_to_copy_does_what_it_says(clone: Project, tmp_path: Path) -> None:
    environment, check, smoke, compare, _tests = commands(WORKFLOWS[0])
    base = clone.git("rev-parse", "HEAD").strip()
    summary = tmp_path / "summary.md"
    before = clone.git("status", "--short")
    clone.run("bash", "-e", "-c", environment)
    clone.run("bash", "-e", "-c", smoke)
    assert clone.git("status", "--short") == before

    clone.set_params(epochs=4)
    clone.git("commit", "--quiet", "--all", "--message=longer")
    assert "train.epochs is 4 in params.yaml but 3 in dvc.lock" in clone.run("bash", "-c", check, fails=True).stdout
    clone.run("bash", "-e", "-c", f"BASE={base} GITHUB_STEP_SUMMARY={summary}; {compare}")
    assert "| params.yaml | train.epochs | 3 " in summary.read_text(encoding="utf-8").replace("  ", " ")
    assert "No change." in summary.read_text(encoding="utf-8")  # of the metrics: nobody ran the pipeline


@pytest.mark.slow
def test_the_smoke_run_fails_where_a_stage_fails(clone: Project) -> None:
    clone.append("stages/ingest.py", "raise SystemExit(3)\n")
    ended = clone.run("make", "smoke", fails=True)
    assert "failed to reproduce 'ingest'" in ended.stdout + ended.stderr
