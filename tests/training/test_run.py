import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SENTENCES = [("안녕", "반가워요"), ("뭐 먹을래?", "김밥이 좋아"), ("고마워", "별말씀을요"), ("잘 자", "내일 봐요")]


@pytest.fixture
def project(tmp_path: Path, repo: Path) -> Path:
    """A folder in which the stage train can run: small, but long enough to be stopped."""
    text = (repo / "params.yaml").read_text(encoding="utf-8")
    small = {"embed_dim": 32, "n_layers": 2, "ffn_dim": 64, "batch_tokens": 64, "epochs": 60, "keep": "best"}
    for key, value in small.items():
        text, count = re.subn(rf"^(  {key}:) \S+", rf"\1 {value}", text, flags=re.MULTILINE)
        assert count == 1, key
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    corpus = tmp_path / "data" / "corpus"
    corpus.mkdir(parents=True)
    for split, rows in (("train", SENTENCES * 8), ("valid", SENTENCES[:2]), ("test", [])):
        lines = [
            json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]})
            for q, a in rows
        ]
        (corpus / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for stage in ("build_vocab", "prepare_data"):
        subprocess.run(command(stage), cwd=tmp_path, env=environment(repo), check=True)
    return tmp_path


def command(stage: str) -> list[str]:
    return [sys.executable, "-m", f"stages.{stage}"]


def environment(repo: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(repo), "TINYCHAT_THREADS": "1", "TINYCHAT_DEVICE": "cpu"}


def start(project: Path, repo: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("train"),
        cwd=project,
        env=environment(repo),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def wait_for_line(process: subprocess.Popen[str], start_of_line: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(start_of_line):
            return
    pytest.fail(f"the run ended without a line {start_of_line!r}")


def outs(project: Path) -> dict[str, bytes]:
    folders = (project / "models", project / "reports" / "train")
    return {str(p.relative_to(project)): p.read_bytes() for f in folders for p in sorted(f.rglob("*")) if p.is_file()}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT or SIGTERM for another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_process_goes_on_and_ends_with_the_same_bytes(project: Path, repo: Path, number: int) -> None:
    subprocess.run(command("train"), cwd=project, env=environment(repo), check=True)
    expected = outs(project)
    assert {"models/dialogue/model.safetensors", "models/dialogue/README.md", "reports/train/history.csv"} <= set(
        expected
    )
    subprocess.run(["rm", "-r", "models", "reports/train"], cwd=project, check=True)

    process = start(project, repo)
    wait_for_line(process, "epoch  2/")
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on from there" in errors
    assert outs(project) == {}

    resumed = subprocess.run(
        command("train"), cwd=project, env=environment(repo), check=True, capture_output=True, text=True
    )
    assert "going on from the snapshot of step" in resumed.stdout
    assert outs(project) == expected
    assert not list((project / ".tinychat" / "runs").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGSTOP")
def test_a_second_training_says_which_process_is_in_its_way(project: Path, repo: Path) -> None:
    first = start(project, repo)
    wait_for_line(first, "epoch")
    first.send_signal(signal.SIGSTOP)
    try:
        second = subprocess.run(
            command("train"), cwd=project, env=environment(repo), capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 2
        assert f"another training runs in this project (process {first.pid})" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        first.kill()
        first.wait()
    time.sleep(0.1)
    third = subprocess.run(command("train"), cwd=project, env=environment(repo), capture_output=True, text=True)
    assert third.returncode == 0, third.stderr


def test_a_vocabulary_larger_than_the_model_is_refused(project: Path, repo: Path) -> None:
    path = project / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("vocab_size: null", "vocab_size: 100"), encoding="utf-8")
    ended = subprocess.run(command("train"), cwd=project, env=environment(repo), capture_output=True, text=True)
    assert ended.returncode == 2
    assert "model.vocab_size is 100, but the vocabulary has" in ended.stderr
    assert not (project / "models").exists()


def test_the_model_card_and_facts_name_no_time_host_or_path(project: Path, repo: Path) -> None:
    subprocess.run(command("train"), cwd=project, env=environment(repo), check=True)
    facts = json.loads((project / "models/dialogue/training.json").read_text(encoding="utf-8"))
    assert facts["runtime"] == {"device": "cpu", "precision": "fp32", "threads": 1}
    text = (project / "models/dialogue/README.md").read_text(encoding="utf-8")
    assert str(project) not in text + json.dumps(facts)
    assert "김밥" not in text
