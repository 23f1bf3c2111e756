"""The project without its extras, as `pip install tinychat` has it: no torch, and yet a person talks with a model."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.generation.models import needs_compiler, random_sample, save_sample
from tinychat.model.classic_config import ClassicConfig
from tinychat.tokenizer import Tokenizer

pytestmark = pytest.mark.slow

QUESTION = "오늘 기분이 어때?"
EXE = ".exe" if os.name == "nt" else ""
WITH_TORCH = {"TINYCHAT_DECODER": "torch", "TINYCHAT_DEVICE": "cpu", "TINYCHAT_PRECISION": "fp32"}


def run(*command: str | Path, cwd: Path, **settings: str) -> str:
    """What a command prints, which must succeed. It sees no other code than what is installed, or lies in `cwd`."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TINYCHAT_DECODER")}
    ended = subprocess.run(
        command, cwd=cwd, env={**inherited, "PYTHONUTF8": "1", **settings}, capture_output=True, encoding="utf-8"
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def core(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that has the project's core, in the versions of the lock."""
    place = tmp_path_factory.mktemp("core")
    project = place / "project"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=repo)
    for name in filter(None, listed.split("\0")):
        if (repo / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repo / name, project / name)
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    commands = place / "venv" / ("Scripts" if os.name == "nt" else "bin")
    uv = [sys.executable, repo / "tools/uv.py", "install", "--python", commands / f"python{EXE}"]
    run(*uv, "--constraint", project / "requirements.lock", project, cwd=place)
    shutil.rmtree(project)
    return commands


@pytest.fixture(scope="module")
def folder(bpe: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights."""
    config = ClassicConfig(vocab_size=bpe.size, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48)
    return save_sample(random_sample(config, seed=0), bpe, tmp_path_factory.mktemp("models") / "small")


def test_the_core_brings_nothing_of_the_pipeline(core: Path) -> None:
    code = "from importlib.metadata import distributions; print(*(package.name for package in distributions()))"
    packages = {name.lower() for name in run(core / f"python{EXE}", "-c", code, cwd=core).split()}
    assert "tinychat" in packages and "numpy" in packages
    assert packages & {"torch", "pandas", "dvc", "matplotlib", "transformers", "pytest"} == set()


def test_the_command_of_the_core_helps(core: Path) -> None:
    assert "tinychat chat" in run(core / f"tinychat{EXE}", "--help", cwd=core)


def test_the_core_installs_its_own_package_alone(core: Path) -> None:
    code = (
        "import importlib.util as u; print([n for n in ('stages', 'tools', 'tests', 'benchmarks') if u.find_spec(n)])"
    )
    assert run(core / f"python{EXE}", "-c", code, cwd=core).strip() == "[]"


def test_the_core_says_the_same_as_the_project_with_torch(core: Path, repo: Path, folder: Path) -> None:
    command = ["chat", QUESTION, "--model", str(folder)]
    said = run(sys.executable, "-m", "tinychat", *command, cwd=repo, **WITH_TORCH)
    assert len(said.strip()) > 10
    assert run(core / f"tinychat{EXE}", *command, cwd=core) == said


def test_the_core_says_the_same_from_python(core: Path, repo: Path, folder: Path) -> None:
    code = f"import tinychat; print(tinychat.load({str(folder)!r}).reply({QUESTION!r}))"
    said = run(sys.executable, "-c", code, cwd=repo)
    assert "Reply(text=" in said
    assert run(core / f"python{EXE}", "-c", code, cwd=core) == said


@needs_compiler
def test_the_core_brings_what_its_loops_are_compiled_from(core: Path, folder: Path) -> None:
    code = f"import tinychat; print(type(tinychat.load({str(folder)!r}).engine.decoder).__name__)"
    assert run(core / f"python{EXE}", "-c", code, cwd=core) == "NativeDecoder\n"
