import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forkserver import fast_python
from tests.pipeline.moments import Moment

pytestmark = pytest.mark.slow  # test_loop.py has the same in one process

IN_THE_SECOND_EPOCH = Moment("stages.train", "step 12")
SENTENCES = [("안녕", "반가워요"), ("뭐 먹을래?", "김밥이 좋아"), ("고마워", "별말씀을요"), ("잘 자", "내일 봐요")]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Path:
    """A folder in which the stage train can run: small, but long enough to be stopped; for reading only."""
    folder = tmp_path_factory.mktemp("prepared")
    text = (repo / "params.yaml").read_text(encoding="utf-8")
    small = {"embed_dim": 32, "n_layers": 2, "ffn_dim": 64, "batch_tokens": 64, "epochs": 12, "keep": "best"}
    for key, value in small.items():
        text, count = re.subn(rf"^(  {key}:) \S+", rf"\1 {value}", text, flags=re.MULTILINE)
        assert count == 1, key
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    corpus = folder / "data" / "corpus"
    corpus.mkdir(parents=True)
    for split, rows in (("train", SENTENCES * 8), ("valid", SENTENCES[:2]), ("test", [])):
        lines = [
            json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]})
            for q, a in rows
        ]
        (corpus / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for stage in ("build_vocab", "prepare_data"):
        subprocess.run(command(stage), cwd=folder, env=environment(repo), check=True)
    return folder


@pytest.fixture
def project(prepared: Path, tmp_path: Path) -> Path:
    """The same, of the test's own."""
    return shutil.copytree(prepared, tmp_path / "project")


@pytest.fixture(scope="module")
def uninterrupted(prepared: Path, repo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run from beginning to end writes."""
    project = shutil.copytree(prepared, tmp_path_factory.mktemp("uninterrupted") / "project")
    subprocess.run(command("train"), cwd=project, env=environment(repo), check=True)
    return outs(project)


def command(stage: str, python: str | None = None) -> list[str]:
    return [python or fast_python(), "-m", f"stages.{stage}"]


def environment(repo: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(repo),
        "TINYCHAT_THREADS": "1",
        "TINYCHAT_DEVICE": "cpu",
        "TINYCHAT_PRECISION": "fp32",
    }


def start(project: Path, repo: Path, moment: Moment | None = None) -> subprocess.Popen[str]:
    """Start the stage; at a `moment` it stops, and `stopped` waits for that."""
    settings = moment.settings(project / "moment") if moment else {}
    return subprocess.Popen(
        ["python", "-m", "stages.train"] if moment else command("train", sys.executable),
        cwd=project,
        env=environment(repo) | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def stopped(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """The process, once it waits at its moment; SIGCONT lets it go on."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    return process


def wait_for_line(process: subprocess.Popen[str], start_of_line: str) -> list[str]:
    """The lines up to the one that begins like this, that one included."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(start_of_line):
            return lines
    pytest.fail(f"the run ended without a line {start_of_line!r}")


def outs(project: Path) -> dict[str, bytes]:
    folders = (project / "models", project / "reports" / "train")
    return {str(p.relative_to(project)): p.read_bytes() for f in folders for p in sorted(f.rglob("*")) if p.is_file()}


def resume(project: Path, repo: Path) -> str:
    """The output of a run that resumes from a snapshot and reaches its end."""
    ended = subprocess.run(command("train"), cwd=project, env=environment(repo), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "resuming from the snapshot of step" in ended.stdout
    return ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT or SIGTERM for another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_process_goes_on_and_ends_with_the_same_bytes(
    project: Path, repo: Path, uninterrupted: dict[str, bytes], number: int
) -> None:
    assert {*("models/dialogue/model.safetensors", "models/dialogue/README.md", "reports/train/history.csv")} <= set(
        uninterrupted
    )

    process = stopped(start(project, repo, IN_THE_SECOND_EPOCH))
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "the same command resumes from there" in errors
    assert outs(project) == {}

    resume(project, repo)
    assert outs(project) == uninterrupted
    assert not list((project / ".tinychat" / "runs").iterdir())


def change_nothing(project: Path, code: Path) -> None:
    """The control: such a run goes on."""


def change_the_learning_rate(project: Path, code: Path) -> None:
    path = project / "params.yaml"
    text, count = re.subn(r"learning_rate: \S+", "learning_rate: 0.003", path.read_text(encoding="utf-8"))
    assert count == 1
    path.write_text(text, encoding="utf-8")


def change_the_data(project: Path, code: Path) -> None:
    """The same dialogues in another order: files of the same size."""
    path = project / "data" / "corpus" / "train.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[1:], lines[0]]), encoding="utf-8")
    subprocess.run(command("prepare_data"), cwd=project, env=environment(code), check=True)


def change_the_code(project: Path, code: Path) -> None:
    with open(code / "tinychat" / "training" / "optimizers.py", "a", encoding="utf-8", newline="\n") as file:
        file.write("# another version\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for another process")
@pytest.mark.parametrize(
    ("change", "goes_on"),
    [(change_nothing, True), (change_the_learning_rate, False), (change_the_data, False), (change_the_code, False)],
)
def test_a_stopped_run_goes_on_only_where_settings_data_and_code_are_the_same(
    project: Path,
    repo: Path,
    tmp_path_factory: pytest.TempPathFactory,
    change: Callable[[Path, Path], None],
    goes_on: bool,
) -> None:
    code = tmp_path_factory.mktemp("code")
    for package in ("tinychat", "stages"):
        shutil.copytree(repo / package, code / package, ignore=shutil.ignore_patterns("__pycache__"))
    first = stopped(start(project, code, IN_THE_SECOND_EPOCH))
    first.terminate()
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=600)
    assert first.returncode == 130

    change(project, code)
    again = start(project, code)
    try:
        lines = wait_for_line(again, "epoch")
    finally:
        again.kill()
        again.communicate()
    assert lines[0].startswith("resuming from the snapshot") == goes_on
    assert lines[-1].startswith("epoch  1/") != goes_on


KILLED_IN_AN_EPOCH = """
import os, runpy, signal
from tinychat.training import loop

loop.SECONDS_BETWEEN_SNAPSHOTS = 0.0
save = loop.Trainer.save

def save_and_die(trainer):
    save(trainer)
    if (trainer.progress.epoch, trainer.progress.batch) == (1, 2):
        os.kill(os.getpid(), signal.SIGKILL)

loop.Trainer.save = save_and_die
runpy.run_module("stages.train", run_name="__main__")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_a_killed_run_goes_on_from_the_middle_of_an_epoch_to_the_same_bytes(
    project: Path, repo: Path, uninterrupted: dict[str, bytes]
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_AN_EPOCH], cwd=project, env=environment(repo))
    assert killed.returncode == -signal.SIGKILL
    assert outs(project) == {}
    printed = resume(project, repo)
    (step,), (steps_an_epoch,) = (
        re.findall(r"snapshot of step (\d+)", printed),
        re.findall(r"(\d+) steps an epoch", printed),
    )
    assert int(step) == int(steps_an_epoch) + 2
    assert outs(project) == uninterrupted


def test_what_could_not_be_written_is_written_from_the_snapshot_once_the_way_is_free(
    project: Path, repo: Path, uninterrupted: dict[str, bytes]
) -> None:
    (project / "models").write_text("in the way", encoding="utf-8")
    ended = subprocess.run(command("train"), cwd=project, env=environment(repo), capture_output=True, text=True)
    assert ended.returncode == 1
    assert re.fullmatch(r"error: .*models.*\n", ended.stderr)
    assert len(list((project / ".tinychat" / "runs").rglob("*.safetensors"))) == 1

    (project / "models").unlink()
    printed = resume(project, repo)
    assert re.search(r"snapshot of step (\d+) of \1$", printed, re.MULTILINE)
    assert "epoch  " not in printed  # no line of an epoch: nothing was trained again
    assert outs(project) == uninterrupted


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGSTOP")
def test_a_second_training_says_which_process_is_in_its_way(project: Path, repo: Path) -> None:
    first = stopped(start(project, repo, IN_THE_SECOND_EPOCH))
    try:
        second = subprocess.run(
            command("train"), cwd=project, env=environment(repo), capture_output=True, text=True, timeout=600
        )
        assert second.returncode == 2
        assert f"another training runs in this project (process {first.pid})" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        first.kill()
        first.wait()
    third = subprocess.run(command("train"), cwd=project, env=environment(repo), capture_output=True, text=True)
    assert third.returncode == 0, third.stderr


def test_a_training_removes_old_snapshots_of_others_and_says_so(project: Path, repo: Path) -> None:
    for number in range(5):
        run = project / f".tinychat/runs/{number:016x}"
        run.mkdir(parents=True)
        (run / "snapshot.safetensors").write_bytes(b"old")
        os.utime(run / "snapshot.safetensors", (number, number))
    ended = subprocess.run(command("train"), cwd=project, env=environment(repo), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "removed 2 snapshots" in ended.stdout.splitlines()[0]
    assert sorted(int(run.name, 16) for run in (project / ".tinychat/runs").iterdir()) == [2, 3, 4]


def set_epochs(project: Path, epochs: str) -> None:
    path = project / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("epochs: 12", f"epochs: {epochs}"), encoding="utf-8")


def test_few_steps_are_told_in_the_last_line_with_how_many_auto_would_give(project: Path, repo: Path) -> None:
    set_epochs(project, "1")
    printed = subprocess.run(
        command("train"), cwd=project, env=environment(repo), capture_output=True, text=True
    ).stdout
    steps = int(re.findall(r"(\d+) steps an epoch", printed)[0])
    last = printed.splitlines()[-1]
    assert last.startswith(f"warning: {steps} steps in all are few for 32 examples: raise train.epochs in params.yaml")
    assert f"train.warmup_steps: 70 → {steps // 5}, a fifth of the {steps} steps" in printed


def test_the_epochs_of_auto_are_told_with_the_reason_and_written_down(project: Path, repo: Path) -> None:
    set_epochs(project, "auto")
    printed = subprocess.run(
        command("train"), cwd=project, env=environment(repo), capture_output=True, text=True
    ).stdout
    epochs, tokens = map(int, re.findall(r"^train\.epochs: auto → (\d+) for (\d+) tokens to learn", printed, re.M)[0])
    assert f"epoch {epochs}/{epochs}" in printed
    metrics = json.loads((project / "reports/train/metrics.json").read_text(encoding="utf-8"))
    assert (metrics["epochs"], metrics["epochs_planned"]) == (epochs, epochs)
    training = json.loads((project / "models/dialogue/training.json").read_text(encoding="utf-8"))
    assert training["train"]["epochs"] == epochs
    assert training["length"]["epochs"] == epochs
    assert training["length"]["tokens"] == tokens
    assert training["length"]["reason"] == metrics["epochs_reason"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for another process")
def test_a_stopped_run_of_auto_goes_on_and_ends_with_the_same_bytes(project: Path, repo: Path, tmp_path: Path) -> None:
    set_epochs(project, "auto")
    whole = shutil.copytree(project, tmp_path / "whole")
    subprocess.run(command("train"), cwd=whole, env=environment(repo), check=True)
    process = stopped(start(project, repo, IN_THE_SECOND_EPOCH))
    process.terminate()
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=600)
    assert process.returncode == 130
    resume(project, repo)
    assert outs(project) == outs(whole)


def test_a_vocabulary_larger_than_the_model_is_refused(project: Path, repo: Path) -> None:
    path = project / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("vocab_size:", "vocab_size: 100"), encoding="utf-8")
    ended = subprocess.run(command("train"), cwd=project, env=environment(repo), capture_output=True, text=True)
    assert ended.returncode == 2
    assert "model.vocab_size is 100, but the vocabulary has" in ended.stderr
    assert not (project / "models").exists()


def test_the_model_card_and_facts_name_no_time_host_or_path(prepared: Path, uninterrupted: dict[str, bytes]) -> None:
    settings = json.loads(uninterrupted["models/dialogue/training.json"])
    assert settings["runtime"] == {"device": "cpu", "precision": "fp32", "threads": 1}
    text = uninterrupted["models/dialogue/README.md"].decode("utf-8")
    assert str(prepared.parent.parent) not in text + json.dumps(settings)
    assert "김밥" not in text


POSITIONS = """
import hashlib
from tinychat.training.run import resolve_mkl_functions
from tinychat.model.classic import sinusoids
resolve_mkl_functions()
print(hashlib.sha256(sinusoids(192, 256).numpy().tobytes()).hexdigest())
"""


def test_each_training_begins_with_the_same_positions() -> None:
    """On an Intel Xeon a few processes in a hundred had other sines, most often where several ran at once."""
    command = [sys.executable, "-c", POSITIONS]
    found = set()
    for _ in range(3):
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        found |= {process.communicate()[0] for process in processes}
    assert len(found) == 1 and found != {""}
