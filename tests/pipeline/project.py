"""A copy of the project with a small corpus, in which the real `dvc` runs."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.forkserver import fast_python

REPO = Path(__file__).parents[2]

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


def word(n: int) -> str:
    """Eight syllables that no other number has, so that no text is nearly another."""
    rng = random.Random(n)
    return "".join(chr(rng.randrange(ord("가"), ord("힣"))) for _ in range(8))


# Eighty groups that share no text, nor nearly one, so that some are held out.
ROWS = [f"{question} {word(2 * n)},{question} {word(2 * n + 1)}" for n, question in enumerate(8 * QUESTIONS)]
SMALL = {
    "embed_dim": 32,
    "n_layers": 2,
    "n_heads": 4,
    "ffn_dim": 64,
    "hold_out_from": 0,
    "epochs": 3,
    "batch_tokens": 8192,
    "learning_rate": 0.001,
    "optimizer": "adamw",
    "schedule": "cosine",
    "max_size": 400,
    "method": "sample",
}
ANALYZED = """  - - 저는 서연이에요
    - 반가워요, 서연님!
    - 내 이름이 뭐라고 했지?
  - 안녕
"""  # analyze.prompts; the second one is enough
EPOCHS = 16  # where a training is to be stopped on its way
STAGES = (
    "ingest",
    "build_vocab",
    "prepare_data",
    "train",
    "evaluate",
    "generate",
    "export_csv",
    "analyze_layers",
    "summarize",
    "build_page",
)


@dataclass(frozen=True)
class Ran:
    """What one `dvc repro` did, as DVC itself says it: stages by name, in order."""

    ran: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)  # outs from the cache of an earlier run of the same kind
    unchanged: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Project:
    """The folder of such a copy. It is a git repository with one commit, or more."""

    root: Path

    def environment(self) -> dict[str, str]:
        """As with an active `.venv`, one thread, and nothing of the machine's own settings of git and DVC."""
        return {
            **os.environ,
            "PATH": path_with(sys.executable),
            "PYTHONDONTWRITEBYTECODE": "",
            "TINYCHAT_THREADS": "1",
            "TINYCHAT_DEVICE": "cpu",
            "TINYCHAT_PRECISION": "fp32",
            "GIT_AUTHOR_NAME": "tester",
            "GIT_AUTHOR_EMAIL": "tester@localhost",
            "GIT_COMMITTER_NAME": "tester",
            "GIT_COMMITTER_EMAIL": "tester@localhost",
        }

    def run(
        self, *command: str, fails: bool = False, timeout: float = 1800, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder, `settings` in its environment; it must succeed, or, with `fails`, must not.

        Python, and the stages that DVC runs, are forked (tests/forkserver.py); `start` starts new processes.
        """
        ended = self.end(*command, timeout=timeout, **settings)
        assert (ended.returncode != 0) == fails, f"{command}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended

    def end(self, *command: str, timeout: float = 1800, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder as `run` does, without a check of its exit code."""
        python = fast_python()
        return subprocess.run(
            [python if argument == sys.executable else argument for argument in command],
            cwd=self.root,
            env=self.environment() | {"PATH": path_with(python)} | settings,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
        )

    def dvc(self, *arguments: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """Run `dvc`."""
        return self.run(sys.executable, "-m", "dvc", *arguments, fails=fails)

    def git(self, *arguments: str) -> str:
        """What git prints."""
        return self.run("git", *arguments).stdout

    def start(self, *command: str, **settings: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, as a terminal does; both streams can be read."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment() | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def repro(self, *arguments: str) -> Ran:
        """Run `dvc repro`."""
        return ran(self.dvc("repro", *arguments).stdout)

    def set_params(self, **values: object) -> None:
        """Set keys of params.yaml, each of which stands there once, and leave all else as it is."""
        path = self.root / "params.yaml"
        text = path.read_text(encoding="utf-8")
        for key, value in values.items():
            text, count = re.subn(rf"^(  {key}:) \S+", rf"\1 {value}", text, flags=re.MULTILINE)
            assert count == 1, key
        path.write_text(text, encoding="utf-8", newline="\n")

    def append(self, file: str, text: str) -> None:
        """Add text at the end of a file."""
        with open(self.root / file, "a", encoding="utf-8", newline="\n") as opened:
            opened.write(text)

    def outs(self) -> dict[str, str]:
        """Path and DVC's hash of every out, as dvc.lock has them."""
        lock = yaml.safe_load((self.root / "dvc.lock").read_text(encoding="utf-8"))
        return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}

    def out_bytes(self) -> dict[str, bytes]:
        """The content of every file of every out, as it lies on the disk."""
        files = [file for out in self.outs() for file in files_below(self.root / out)]
        return {file.relative_to(self.root).as_posix(): file.read_bytes() for file in files}

    def metric(self, stage: str, name: str) -> object:
        """One number of reports/STAGE/metrics.json."""
        return json.loads((self.root / f"reports/{stage}/metrics.json").read_text(encoding="utf-8"))[name]

    def copy(self, to: Path) -> "Project":
        """The same state elsewhere: files, git, DVC's cache."""
        shutil.copytree(self.root, to, symlinks=True)
        return Project(to)


def path_with(python: str) -> str:
    """The PATH on which `python` is found first, then the environment's other commands."""
    return os.pathsep.join([str(Path(python).parent), str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def ran(printed: str) -> Ran:
    """Read what `dvc repro` printed."""
    return Ran(
        ran=re.findall(r"^Running stage '(\w+)'", printed, re.MULTILINE),
        restored=re.findall(r"^Stage '(\w+)' is cached - skipping run", printed, re.MULTILINE),
        unchanged=re.findall(r"^Stage '(\w+)' didn't change, skipping", printed, re.MULTILINE),
    )


def files_below(path: Path) -> Iterator[Path]:
    """`path` itself where it is a file, else all files below it."""
    if path.is_file():
        yield path
    else:
        yield from sorted(file for file in path.rglob("*") if file.is_file())


def name_packages(path: Path) -> None:
    """Let a dvc.yaml name whole packages as its deps on code, but for the stage's own file.

    DVC reads and writes dvc.lock in pure Python after each stage, which takes most of its time with all deps.
    """
    pipeline = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, stage in pipeline["stages"].items():
        code = {dep for dep in stage["deps"] if dep.startswith(("stages/", "tinychat/"))}
        packages = {"/".join(dep.split("/")[:2]) for dep in code if (path.parent / dep).is_dir() or dep.count("/") > 1}
        stage["deps"] = sorted({*stage["deps"]} - code | packages | {f"stages/{name}.py"})
    path.write_text(yaml.safe_dump(pipeline, allow_unicode=True, sort_keys=False), encoding="utf-8")


def make_project(root: Path, all_deps: bool = True) -> Project:
    """Copy the files that git has, or will have, into `root`, with a small corpus and a small model, and commit them.

    The pipeline has not run yet. Without `all_deps`, dvc.yaml names packages instead of files (`name_packages`).
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPO,
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPO / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, root / name)
    project = Project(root)
    if not all_deps:
        name_packages(root / "dvc.yaml")
    (root / "data/raw/qa.csv").write_text("Q,A\n" + "".join(f"{row}\n" for row in ROWS), encoding="utf-8")
    project.set_params(**SMALL)
    params = (root / "params.yaml").read_text(encoding="utf-8")
    assert ANALYZED in params
    (root / "params.yaml").write_text(params.replace(ANALYZED, "  - 안녕\n"), encoding="utf-8", newline="\n")
    project.git("init", "--quiet", "--initial-branch=main")
    project.git("config", "user.name", "tester")
    project.git("config", "user.email", "tester@localhost")
    project.git("add", ".")
    project.git("commit", "--quiet", "--message=a small corpus")
    return project
