import importlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.forkserver import fast_python
from tinychat.errors import InputError

REPO = Path(__file__).parents[2]
STAGES = list(yaml.safe_load((REPO / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose params.yaml has a fault in each section but none for any stage alone."""
    text = (REPO / "params.yaml").read_text(encoding="utf-8")
    for old, new in {
        r"^  n_heads: 8": "  n_heads: 7",
        r"^  learning_rate: \S+": "  learning_rate: -1",
        r"^  max_tokens: \S+": "  max_token: 3",
    }.items():
        text = re.sub(old, new, text, flags=re.MULTILINE)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    shutil.copy(REPO / "examples/article/data/raw/article.jsonl", tmp_path / "data/raw")
    return tmp_path


def files(project: Path) -> set[Path]:
    return {path for path in project.rglob("*") if path.is_file()}


def test_there_are_ten_stages() -> None:
    assert len(STAGES) == 10


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_checks_all_of_params_before_it_writes(project: Path, stage: str) -> None:
    before = files(project)
    with pytest.raises(InputError) as error:
        importlib.import_module(f"stages.{stage}").run(project)
    for part in ("n_heads is 7", "train.learning_rate is -1", "unknown key generate.max_token;"):
        assert part in str(error.value)
    assert files(project) == before


@pytest.mark.parametrize("stage", ["ingest", pytest.param("train", marks=pytest.mark.slow)])
def test_the_person_sees_the_fault_and_no_traceback(project: Path, stage: str) -> None:
    ended = subprocess.run(
        [fast_python(), "-m", f"stages.{stage}"],
        cwd=project,
        env={"PYTHONPATH": str(REPO), "PATH": "", "TINYCHAT_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: params.yaml: ")
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
