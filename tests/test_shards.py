import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tinychat.errors import InputError, translate
from tinychat.language.korean import ERRORS
from tinychat.shards import Shard, requested_cluster, requested_workers, run_shards, shards_of

LINES = ["가나다\n", "\n", "a\rb\u2028c\x85d\r\n", "x" * 100 + "\n", "끝"]
WORKERS = "TINYCHAT_WORKERS"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lines.jsonl"
    path.write_bytes("".join(LINES).encode())
    return path


@pytest.mark.parametrize("size", [1, 2, 7, 10, 100, 10_000])
def test_shards_are_the_lines_of_the_file_each_in_one(file: Path, size: int) -> None:
    found = shards_of(file, size)
    assert [line.decode() for shard in found for line in shard.lines()] == LINES
    assert [line.decode() for shard in found for line in _with_data(shard).lines()] == LINES
    assert sum(map(len, found)) == file.stat().st_size
    assert (len(found) == 1) == (size == 10_000)


def _with_data(shard: Shard) -> Shard:
    return Shard(shard.path, shard.begin, shard.end, b"".join(shard.lines()), first_line=1)


def test_an_empty_file_has_no_shards(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert shards_of(tmp_path / "empty") == []


def test_a_line_has_its_place_in_the_file(file: Path) -> None:
    places = [shard.place(i) for shard in shards_of(file, 12) for i, _ in enumerate(shard.lines())]
    assert places == [f"{file}:{number}" for number in range(1, 6)]
    assert Shard(file, 0, 9, b"...", first_line=4).place(2) == f"{file}:6"


def words_of(separator: str | None) -> Callable[[Shard], tuple[int, list[str]]]:
    """The work of these tests: the process that did it, and the words of a shard."""

    def work(shard: Shard) -> tuple[int, list[str]]:
        words = [word for line in shard.lines() for word in line.decode().split(separator)]
        if "bad" in words:
            raise InputError("{path}: this is a folder; a file is needed", path=shard.place(words.index("bad")))
        if "kill" in words:
            os.kill(os.getpid(), signal.SIGKILL)
        if "slow" in words:
            (shard.path.parent / f"{os.getpid()}.working").touch()
            time.sleep(600)
        return os.getpid(), words

    return work


def run_words(path: Path, size: int) -> tuple[set[int], list[str]]:
    """The processes that worked, and the words in order."""
    processes, words = set(), []

    def merge(shard: Shard, result: tuple[int, list[str]]) -> int:
        processes.add(result[0])
        words.extend(result[1])
        return len(result[1])

    run_shards("words", words_of, (None,), shards_of(path, size), merge)
    return processes, words


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"a{n} b{n} \n" for n in range(200)), encoding="utf-8")
    return path


@pytest.mark.slow
def test_the_result_is_the_same_whatever_the_number_of_shards_and_processes(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes, expected = run_words(many, 10_000)
    assert processes == {os.getpid()}
    assert expected == many.read_text(encoding="utf-8").split()
    monkeypatch.setenv(WORKERS, "2")
    for size in (100, 700):
        processes, words = run_words(many, size)
        assert words == expected
        assert os.getpid() not in processes
        assert len(processes) <= 2


def test_little_data_starts_no_process_unless_a_number_of_them_is_set(many: Path) -> None:
    assert run_words(many, 100)[0] == {os.getpid()}


def test_an_error_in_a_process_is_the_one_error_and_ends_all(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(many, "a", encoding="utf-8") as file:
        file.write("bad\nbad\n")
    monkeypatch.setenv(WORKERS, "2")
    with pytest.raises(InputError) as caught:
        run_words(many, 100)
    assert str(caught.value).startswith(f"{many}:")
    assert str(translate(caught.value, ERRORS)).endswith("폴더입니다. 파일이 있어야 합니다")
    assert not [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends the signals of POSIX")
def test_a_killed_process_is_an_error_that_says_what_to_set(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many.write_text("a\nkill\nb\n", encoding="utf-8")
    monkeypatch.setenv(WORKERS, "2")
    with pytest.raises(InputError, match=r"^TINYCHAT_WORKERS: one of 2 processes was killed, perhaps for lack of mem"):
        run_words(many, 1)


RUN = """
import sys
from pathlib import Path
from tests.test_shards import run_words
from tinychat.language.exit import run_and_exit

if __name__ == "__main__":
    run_and_exit(lambda: run_words(Path(sys.argv[1]), 1))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends the signals of POSIX")
@pytest.mark.parametrize("how", ["Ctrl-C", "killed"])
def test_whatever_ends_the_stage_ends_its_processes(tmp_path: Path, repo: Path, how: str) -> None:
    script, data = tmp_path / "run.py", tmp_path / "data.txt"
    script.write_text(RUN, encoding="utf-8")
    data.write_text("slow \n" * 8, encoding="utf-8")
    stage = subprocess.Popen(
        [sys.executable, str(script), str(data)],
        env=os.environ | {WORKERS: "2", "PYTHONPATH": str(repo)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _wait(lambda: len([*tmp_path.glob("*.working")]) == 2)
    workers = psutil.Process(stage.pid).children(recursive=True)
    assert len(workers) >= 2
    if how == "killed":
        stage.kill()
    else:
        os.killpg(stage.pid, signal.SIGINT)
    _wait(lambda: not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers))
    _, errors = stage.communicate(timeout=60)
    assert (stage.returncode, "Traceback" in errors) == ((-signal.SIGKILL if how == "killed" else 130), False)


def _wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (WORKERS, "0", "TINYCHAT_WORKERS is '0'; it must be auto or a number from 1 to 1024"),
        (WORKERS, "many", "TINYCHAT_WORKERS is 'many'; it must be auto or a number from 1 to 1024"),
        ("TINYCHAT_CLUSTER", "dask", "TINYCHAT_CLUSTER is 'dask'; it must be ray://HOST:PORT, auto, or empty for this"),
    ],
)
def test_a_wrong_variable_is_named(
    many: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        run_words(many, 100)
    assert str(caught.value).startswith(message)


def test_variables_may_be_empty_or_auto() -> None:
    for environment in ({}, {WORKERS: "", "TINYCHAT_CLUSTER": " "}, {WORKERS: "auto"}):
        assert (requested_workers(environment), requested_cluster(environment)) == (None, "")
    assert requested_workers({WORKERS: "3"}) == 3
    assert requested_cluster({"TINYCHAT_CLUSTER": "ray://127.0.0.1:10001"}) == "ray://127.0.0.1:10001"
