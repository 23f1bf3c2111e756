"""`make check` finds each way in which dvc.lock, dvc.yaml and the files in git can come apart."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.check_pipeline import faults

ROOT = Path(__file__).resolve().parents[2]

DVC_YAML = """\
stages:
  first:
    cmd: python -m stages.first
    deps:
      - data/raw
      - stages/first.py
      - tinychat/files.py
      - tinychat/corpus
    params:
      - corpus
    outs:
      - data/corpus
    metrics:
      - reports/corpus/metrics.json:
          cache: false
  second:
    cmd: python -m stages.second
    deps:
      - data/corpus
      - stages/second.py
    params:
      - train.learning_rate
    outs:
      - outputs/reply.txt
    plots:
      - reports/train/history.csv:
          cache: false
"""

FIRST = """\
from pathlib import Path

from tinychat import files
from tinychat.corpus.readers import table

Path("data/corpus").mkdir(parents=True)
Path("data/corpus/train.jsonl").write_text("{}")
Path("reports/corpus").mkdir(parents=True, exist_ok=True)
Path("reports/corpus/metrics.json").write_text('{"kept": 3}')
"""

SECOND = """\
from pathlib import Path

Path("outputs").mkdir(exist_ok=True)
Path("outputs/reply.txt").write_text("반가워", encoding="utf-8")
Path("reports/train").mkdir(parents=True, exist_ok=True)
Path("reports/train/history.csv").write_text("epoch,loss")
"""

FILES = {
    "dvc.yaml": DVC_YAML,
    "params.yaml": "corpus:\n  seed: 0\n  shares: {train: 0.9}\ntrain:\n  learning_rate: 1.0e-05\n  epochs: 3\n",
    "stages/__init__.py": "",
    "stages/first.py": FIRST,
    "stages/second.py": SECOND,
    "tinychat/__init__.py": "",
    "tinychat/files.py": "A = 1\n",
    "tinychat/corpus/__init__.py": "",
    "tinychat/corpus/readers/__init__.py": "",
    "tinychat/corpus/readers/table.py": "B = 1\n",
    "data/raw/README.md": "What may lie here.\n",
}


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def dvc(root: Path, *arguments: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    subprocess.run(command, cwd=root, check=True, env={**os.environ, "PATH": path})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project whose pipeline real DVC ran, all of it in git, with this project's own ignore files."""
    root = tmp_path_factory.mktemp("finished") / "project"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", newline="\n")
    for path in (".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore"):
        (root / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, root / path)
    for module in ("__init__.py", "check_pipeline.py", "import_closure.py"):
        (root / "tools").mkdir(exist_ok=True)
        shutil.copy(ROOT / "tools" / module, root / "tools")
    git(root, "init")
    dvc(root, "repro")
    git(root, "add", "--all")
    return root


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """The project as a fresh clone has it: the files in git, without the outputs and without DVC's cache."""
    root = tmp_path / "clone"
    shutil.copytree(finished, root)
    for made in ("data/corpus", "outputs", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(root / made)
    return root


def append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8", newline="\n") as file:
        file.write(text)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def run_check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.check_pipeline"]
    return subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8")


@pytest.mark.slow
def test_a_fresh_clone_without_outputs_and_cache_agrees(project: Path) -> None:
    done = run_check(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


@pytest.mark.slow
def test_a_fault_ends_with_exit_code_1_and_one_line(project: Path) -> None:
    append(project / "stages/second.py", "# edited\n")
    done = run_check(project)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("second: ") and done.stdout.count("\n") == 1
    assert "stages/second.py" in done.stdout and "make repro" in done.stdout and "dvc.lock" in done.stdout


def edit_dep(root: Path) -> None:
    append(root / "tinychat/files.py", "C = 2\n")


def edit_file_in_folder(root: Path) -> None:
    append(root / "tinychat/corpus/readers/table.py", "C = 2\n")


def add_file_to_folder(root: Path) -> None:
    append(root / "tinychat/corpus/readers/lines.py", "D = 3\n")
    git(root, "add", "tinychat")


def delete_dep(root: Path) -> None:
    (root / "tinychat/files.py").unlink()


def change_param_of_section(root: Path) -> None:
    replace(root / "params.yaml", "train: 0.9", "train: 0.8")


def change_dotted_param(root: Path) -> None:
    replace(root / "params.yaml", "1.0e-05", "0.1")


def lose_param(root: Path) -> None:
    replace(root / "params.yaml", "learning_rate", "rate")


def add_param_to_yaml(root: Path) -> None:
    replace(root / "dvc.yaml", "- train.learning_rate", "- train.learning_rate\n      - train.epochs")


def remove_param_from_yaml(root: Path) -> None:
    replace(root / "dvc.yaml", "    params:\n      - train.learning_rate\n", "")


def remove_dep_from_yaml(root: Path) -> None:
    replace(root / "dvc.yaml", "      - data/corpus\n      - stages/second.py", "      - stages/second.py")


def add_dep_to_yaml(root: Path) -> None:
    replace(root / "dvc.yaml", "- stages/second.py", "- stages/second.py\n      - params.yaml")


def remove_out_from_yaml(root: Path) -> None:
    replace(root / "dvc.yaml", "    outs:\n      - outputs/reply.txt\n", "")


def edit_cmd(root: Path) -> None:
    replace(root / "dvc.yaml", "python -m stages.second", "python -u -m stages.second")


def rename_stage_in_lock(root: Path) -> None:
    replace(root / "dvc.lock", "  second:", "  third:")


def edit_metric(root: Path) -> None:
    replace(root / "reports/corpus/metrics.json", "3", "4")


def edit_plot(root: Path) -> None:
    append(root / "reports/train/history.csv", "\n1,2")


def take_metric_out_of_git(root: Path) -> None:
    git(root, "rm", "--cached", "reports/corpus/metrics.json")


def put_out_into_git(root: Path) -> None:
    append(root / "data/corpus/train.jsonl", "{}")
    git(root, "add", "--force", "data/corpus")


def take_out_from_gitignore(root: Path) -> None:
    replace(root / ".gitignore", "/data/corpus\n", "")


def change_hash_between_stages(root: Path) -> None:
    lock = root / "dvc.lock"
    before, second = lock.read_text(encoding="utf-8").split("  second:")
    second = re.sub(r"(path: data/corpus\n *hash: md5\n *md5: )\w", r"\1_", second)
    lock.write_text(f"{before}  second:{second}", encoding="utf-8")


def depend_on_part_of_out(root: Path) -> None:
    replace(
        root / "dvc.yaml", "- data/corpus\n      - stages/second", "- data/corpus/train.jsonl\n      - stages/second"
    )


def depend_on_unknown_file(root: Path) -> None:
    replace(root / "dvc.yaml", "- stages/second.py", "- stages/second.py\n      - notes.txt")
    append(root / "notes.txt", "not in git")


def lock_made_with_private_data(root: Path) -> None:
    append(root / "data/raw/mine.csv", "Q,A\n안녕,비밀\n")
    dvc(root, "repro")


def import_more(root: Path) -> None:
    append(root / "stages/second.py", "import tinychat.files\n")


def add_large_file(root: Path) -> None:
    (root / "large.bin").write_bytes(bytes(1024 * 1024 + 1))
    git(root, "add", "large.bin")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "stage", "named"),
    [
        (edit_dep, "first", "tinychat/files.py"),
        (edit_file_in_folder, "first", "tinychat/corpus"),
        (add_file_to_folder, "first", "tinychat/corpus"),
        (delete_dep, "first", "tinychat/files.py"),
        (change_param_of_section, "first", "corpus.shares.train is 0.8"),
        (change_dotted_param, "second", "train.learning_rate is 0.1"),
        (lose_param, "second", "train.learning_rate"),
        (add_param_to_yaml, "second", "train.epochs"),
        (remove_param_from_yaml, "second", "params.yaml"),
        (remove_dep_from_yaml, "second", "data/corpus"),
        (add_dep_to_yaml, "second", "params.yaml"),
        (remove_out_from_yaml, "second", "outputs/reply.txt"),
        (edit_cmd, "second", "cmd"),
        (rename_stage_in_lock, "second", "not in dvc.lock"),
        (rename_stage_in_lock, "third", "not in dvc.yaml"),
        (edit_metric, "first", "reports/corpus/metrics.json"),
        (edit_plot, "second", "reports/train/history.csv"),
        (take_metric_out_of_git, "first", "reports/corpus/metrics.json"),
        (put_out_into_git, "first", "data/corpus"),
        (take_out_from_gitignore, "first", "data/corpus"),
        (change_hash_between_stages, "second", "data/corpus"),
        (depend_on_part_of_out, "second", "data/corpus/train.jsonl"),
        (depend_on_unknown_file, "second", "notes.txt"),
        (lock_made_with_private_data, "first", "data/raw"),
        (import_more, "second", "tinychat/files.py"),
        (add_large_file, "git", "large.bin"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_planted_fault_is_named_with_its_stage_and_place(
    project: Path, plant: Callable[[Path], None], stage: str, named: str
) -> None:
    plant(project)
    lines = faults(project)
    assert [line for line in lines if line.startswith(f"{stage}: ") and named in line], lines


@pytest.mark.slow
def test_what_a_fault_advises_mends_it(finished: Path, tmp_path: Path) -> None:
    root = tmp_path / "mended"
    shutil.copytree(finished, root)
    remove_dep_from_yaml(root)
    assert "dvc repro -f -s second" in faults(root)[0]
    dvc(root, "repro", "-f", "-s", "second")
    edit_metric(root)
    change_dotted_param(root)
    assert len(faults(root)) == 2
    dvc(root, "repro")
    assert faults(root) == []


def edit_comment_in_params(root: Path) -> None:
    append(root / "params.yaml", "# a comment\n")


def edit_readme_of_the_data(root: Path) -> None:
    append(root / "data/raw/README.md", "More.\n")


def describe_a_stage(root: Path) -> None:
    replace(root / "dvc.yaml", "  second:", "  second:\n    desc: The second stage")


def change_param_that_no_stage_names(root: Path) -> None:
    replace(root / "params.yaml", "epochs: 3", "epochs: 4")


def have_private_data(root: Path) -> None:
    append(root / "data/raw/mine.csv", "Q,A\n안녕,비밀\n")


def have_caches_of_python(root: Path) -> None:
    append(root / "tinychat/corpus/readers/__pycache__/table.cpython-311.pyc", "")


@pytest.mark.parametrize(
    "change",
    [
        edit_comment_in_params,
        edit_readme_of_the_data,
        describe_a_stage,
        change_param_that_no_stage_names,
        have_private_data,
        have_caches_of_python,
    ],
)
def test_what_changes_no_result_is_no_fault(project: Path, change: Callable[[Path], None]) -> None:
    change(project)
    assert faults(project) == []


@pytest.mark.slow
def test_data_that_dvc_keeps_counts_as_in_git(finished: Path, tmp_path: Path) -> None:
    root = tmp_path / "kept"
    shutil.copytree(finished, root)
    have_private_data(root)
    dvc(root, "add", "data/raw/mine.csv")
    dvc(root, "repro")
    git(root, "add", "--all")
    (root / "data/raw/mine.csv").unlink()
    assert faults(root) == []


@pytest.mark.parametrize("name", ["dvc.yaml", "dvc.lock"])
def test_a_missing_file_of_the_pipeline_is_said(project: Path, name: str) -> None:
    (project / name).unlink()
    assert [line for line in faults(project) if line.startswith(f"{name} is missing")]


def test_a_dvc_yaml_that_dvc_refuses_is_said(project: Path) -> None:
    replace(project / "dvc.yaml", "cmd: python -m stages.second", "command: python -m stages.second")
    assert [line for line in faults(project) if line.startswith("dvc.yaml cannot be read")]
