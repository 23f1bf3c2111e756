"""ingest: the same corpus, the same metrics and the same error, however many processes tidy the rows."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from stages import ingest
from tests.corpus.conftest import unlike
from tests.stages.conftest import REPOSITORY, RayCluster
from tinychat.corpus import row_batches
from tinychat.errors import InputError

WORKERS = "TINYCHAT_WORKERS"
TALK = """바다 님과 카카오톡 대화
저장한 날짜 : 2026년 2월 11일 오후 6:35

2026년 2월 9일 오전 9:05
2026년 2월 9일 오전 9:05, 하늘 : 잘 잤어?
2026년 2월 9일 오전 9:06, 바다 : 응, 하늘아 잘 잤어
2026년 2월 9일 오후 12:30, 하늘 : 점심 먹었어?
2026년 2월 9일 오후 12:31, 바다 : 아직. 내 번호는 010-0000-1234야
"""


def table(rows: int, name: str = "") -> str:
    """Question-answer rows: some of them repeats, some empty, one that many rows have as their answer."""
    lines = []
    for n in range(rows):
        answer = "맛있게 드세요" if n % 9 == 0 else unlike(f"{name} answer {n % 70}")
        lines.append("," if n % 31 == 30 else f"{unlike(f'{name} question {n % 70}')},{answer}")
    return "Q,A\n" + "\n".join(lines) + "\n"


def line(n: int) -> str:
    roles = ("user", "assistant") * (1 + n % 3)
    messages = [{"role": role, "content": unlike(f"line {n} {turn}")} for turn, role in enumerate(roles)]
    return json.dumps({"messages": messages}, ensure_ascii=False) + "\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a source of each kind, faulty rows among them, and an answer that repeats above its limit."""
    params = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    sources = "[{file: folder}, {file: lines.jsonl, limit: 100}, {file: more.csv}, {file: talk.txt}, {file: table.csv}]"
    for key, value in {
        "sources": sources,
        "on_error": "skip",
        "hold_out_from": "0",
        "max_answer_repeats": "20",
    }.items():
        params = re.sub(rf"^  {key}:.*$", f"  {key}: {value}", params, count=1, flags=re.MULTILINE)
    (tmp_path / "params.yaml").write_text(params, encoding="utf-8")
    raw = tmp_path / "data/raw"
    (raw / "folder/inner").mkdir(parents=True)
    (raw / "table.csv").write_text(table(400), encoding="utf-8")
    (raw / "more.csv").write_text(table(90, "more") + "하나\n", encoding="utf-8")  # a faulty row
    (raw / "talk.txt").write_text(TALK, encoding="utf-8")
    (raw / "lines.jsonl").write_text("".join(map(line, range(150))) + "{}\n", encoding="utf-8")
    for n in range(20):
        (raw / f"folder/inner/{n:02}.csv").write_text(table(3, f"inner {n}"), encoding="utf-8")
    with zipfile.ZipFile(raw / "folder/some.zip", "w") as archive:
        archive.writestr("some.csv", table(30, "zip"))
    return tmp_path


def run(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, bytes], list[str]]:
    """What the stage writes, and what it prints."""
    ingest.run(root)
    return written(root), capsys.readouterr().out.splitlines()


def written(root: Path) -> dict[str, bytes]:
    files = [path for folder in ("data/corpus", "reports") for path in (root / folder).rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_the_corpus_and_what_is_told_do_not_depend_on_what_is_tidied_together(
    root: Path, rows: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files, told = run(root, capsys)
    metrics = json.loads(files["reports/corpus/metrics.json"])
    dropped = metrics["rows_dropped"]
    assert dropped["over_the_limit"] == 50
    assert min(dropped["repeat"], dropped["empty_question"], dropped["too_few_cells"], dropped["no_messages"]) > 0
    assert min(metrics["answers"]["over_limit"], metrics["masked"]["phone"], metrics["groups"]["sessions"]) > 0
    monkeypatch.setattr(row_batches, "ROWS", rows)
    assert run(root, capsys) == (files, told)


@pytest.mark.slow
def test_the_corpus_and_what_is_told_do_not_depend_on_the_number_of_processes(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(row_batches, "ROWS", 20)
    expected = run(root, capsys)
    for workers in ("2", "3"):
        monkeypatch.setenv(WORKERS, workers)
        assert run(root, capsys) == expected


@pytest.mark.slow
def test_the_corpus_and_what_is_told_are_the_same_on_a_ray_cluster(
    root: Path, cluster: RayCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    expected = run(Path(), capsys)
    for name in cluster.names:
        shutil.rmtree("data/corpus")
        ended = cluster.run(name, root, "ingest")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert (written(Path()), ended.stdout.splitlines()) == expected
    (root / "data/raw/lines.jsonl").write_text("{}\n", encoding="utf-8")
    ended = cluster.run(name, root, "ingest")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: data/raw/lines.jsonl: no dialogue is left of its 1 rows")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("가,나\n하나\n", r"c\.csv:3: cells: 1, columns in the header: 2"),
        (",나\n", r"c\.csv: no dialogue is left of its 1 rows as qa_table: empty_question: 1"),
    ],
)
def test_the_first_error_is_the_one_that_is_told(
    root: Path, workers: str, rows: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (root / "params.yaml").read_text(encoding="utf-8")
    for key, value in {"sources": "[{file: c.csv}, {file: table.csv}, {file: more.csv}]", "on_error": "stop"}.items():
        text = re.sub(rf"^  {key}:.*$", f"  {key}: {value}", text, count=1, flags=re.MULTILINE)
    (root / "params.yaml").write_text(text, encoding="utf-8")
    (root / "data/raw/c.csv").write_text("Q,A\n" + rows, encoding="utf-8")
    monkeypatch.setattr(row_batches, "ROWS", 20)
    monkeypatch.setenv(WORKERS, workers)
    with pytest.raises(InputError, match=message):  # and not that of more.csv, which is read ahead
        ingest.run(root)
    assert not (root / "data/corpus").exists()


def never_done(*_: object) -> Callable[[Sequence[object]], object]:
    """In place of the work on rows."""

    def work(_: Sequence[object]) -> object:
        Path(f"{os.getpid()}.working").touch()
        time.sleep(600)
        raise AssertionError

    return work


UNDER_WAY = """
from stages import ingest
from tests.stages.test_ingest_processes import never_done
from tinychat.corpus import gathering, row_batches

if __name__ == "__main__":
    row_batches.ROWS, gathering.packing = 20, never_done
    ingest.main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends the signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_ingest_leaves_no_process_and_nothing_half_written(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    before = sorted(root.rglob("*"))
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    script = elsewhere / "run.py"
    script.write_text(UNDER_WAY, encoding="utf-8")
    stage = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=root,
        env=os.environ | {WORKERS: "2", "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(elsewhere)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: len([*root.glob("*.working")]) == 2)
    workers = psutil.Process(stage.pid).children(recursive=True)
    if how == signal.SIGINT:
        os.killpg(stage.pid, how)  # Ctrl-C reaches all processes of a terminal
    else:
        stage.send_signal(how)
    wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in workers))
    _, errors = stage.communicate(timeout=60)
    assert (stage.returncode, "Traceback" in errors) == (130 if how == signal.SIGINT else -how, False)
    assert sorted(path for path in root.rglob("*") if path.suffix != ".working") == before
    if how != signal.SIGINT:  # what it unpacked of an archive is left, and the next run removes it
        assert len([*elsewhere.glob(f"tinychat-{stage.pid}-*")]) == 1
        monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
        ingest.run(root)
    assert [*elsewhere.iterdir()] == [script]


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)
