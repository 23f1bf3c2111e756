"""What `make` promises without running the pipeline: its help, what `make clean` takes and what it spares."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from tinychat.params.loading import load_params

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

MADE = [
    "data/corpus/train.jsonl",
    "data/prepared/train.bin",
    "artifacts/vocab/vocab.csv",
    "models/dialogue/model.safetensors",
    "outputs/generated_dialogue.csv",
    "reports/layers/layers.json",
    "reports/train/learning.json",
    "reports/summary.html",
    ".tinychat/runs/a/snapshot",
    "tinychat/__pycache__/files.cpython-311.pyc",
    ".mypy_cache/3.11/a.json",
    "tinychat.egg-info/PKG-INFO",
    "build/lib/tinychat/files.py",
    "examples/article/models/dialogue/model.safetensors",
    "examples/article/reports/summary.html",
    "examples/article/.tinychat/runs/a/snapshot",
]
SPARED = [
    "data/raw/mine.csv",
    "data/raw/mine.csv.dvc",
    ".dvc/cache/files/md5/00/11",
    ".dvc/config",
    ".venv/lib/__pycache__/a.pyc",
    "reports/corpus/metrics.json",
    "reports/train/history.csv",
    "examples/article/data/raw/article.jsonl",
    "notes.txt",
]


def make(root: Path, *arguments: str) -> str:
    """What make prints, with this project's Makefile."""
    settings = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "PYTHON")}
    command = ["make", "-f", str(ROOT / "Makefile"), *arguments]
    return subprocess.run(command, cwd=root, env=settings, check=True, capture_output=True, encoding="utf-8").stdout


def test_make_alone_lists_what_a_person_needs() -> None:
    printed = make(ROOT)
    assert printed == make(ROOT, "help")
    for target in (
        *("help", "repro", "quick", "article", "smoke", "compare", "test", "test-slow"),
        *("lint", "format", "check", "lock", "clean"),
    ):
        assert f"make {target} " in printed


def test_the_quick_run_is_the_sample_with_less_of_it(tmp_path: Path) -> None:
    command = shlex.split(make(ROOT, "-n", "quick").splitlines()[-1])
    changes = [command[n + 1] for n, word in enumerate(command) if word == "-S"]
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    usual = load_params(tmp_path)
    apply_overrides(tmp_path / "params.yaml", changes)  # as `dvc exp run -S` does
    quick = load_params(tmp_path)
    assert quick.corpus.starter.dialogues < usual.corpus.starter.dialogues
    assert quick.model.n_layers < usual.model.n_layers
    assert quick.train.epochs == 1


def test_clean_removes_what_is_made_and_spares_the_rest_as_often_as_it_is_called(tmp_path: Path) -> None:
    root = tmp_path / "my 프로젝트"
    for path in [*MADE, *SPARED]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("", encoding="utf-8")
    for _ in range(2):
        make(root, "clean")
        assert [path for path in MADE if (root / path).exists()] == []
        assert [path for path in SPARED if not (root / path).exists()] == []


def test_clean_would_remove_nothing_that_git_tracks() -> None:
    removed = [word for word in make(ROOT, "-n", "clean").splitlines()[0].split()[2:]]
    command = ["git", "ls-files", "--", *removed]
    assert subprocess.run(command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8").stdout == ""


def ignored(path: str) -> bool:
    """Whether git ignores a path, be it tracked or not."""
    return subprocess.run(["git", "check-ignore", "--no-index", "-q", path], cwd=ROOT).returncode == 0


def test_git_ignores_what_may_quote_private_dialogues_and_takes_the_numbers() -> None:
    made = [path for path in MADE if not path.startswith(".")]
    assert [path for path in [*made, "data/raw/mine.csv", "data/raw/한글 folder/a.csv"] if not ignored(path)] == []
    numbers = [f"reports/{stage}/metrics.json" for stage in ("corpus", "vocab", "prepare", "train", "evaluate")]
    kept = [*numbers, "reports/train/history.csv", "data/raw/README.md", "data/raw/mine.csv.dvc", "dvc.lock"]
    assert [path for path in [*kept, "examples/article/data/raw/article.jsonl"] if ignored(path)] == []


def test_the_workflow_runs_what_ci_runs_on_the_oldest_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"][0] == "3.11"
    assert any(step.get("run") == ".ci/run" for step in job["steps"])
    assert os.access(ROOT / ".ci/run", os.X_OK)
