"""build_vocab and prepare_data: the same bytes whatever the shards, the processes and the machines."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from stages import build_vocab, prepare_data
from tests.stages.conftest import REPOSITORY, RayCluster
from tinychat import shards
from tinychat.errors import InputError

OUTS = ("artifacts/vocab", "data/prepared", "reports/vocab", "reports/prepare")


def make_project(root: Path, kind: str = "bpe") -> Path:
    """A project with a corpus of 300 dialogues, some of them longer than the context, some with slots."""
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    params["vocab"] |= {"kind": kind, "max_size": 400}
    params["model"]["max_len"] = 40
    root.mkdir(exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (root / "data/corpus").mkdir(parents=True)
    for split, n in {"train": 300, "valid": 20, "test": 0}.items():
        lines = "".join(json.dumps(dialogue(k), ensure_ascii=False) + "\n" for k in range(n))
        (root / f"data/corpus/{split}.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    return root


def dialogue(number: int) -> dict[str, object]:
    name = ("서연", "민수", "지우")[number % 3]
    messages = []
    for turn in range(1 + number % 4):
        messages.append({"role": "user", "content": f"나는 {name}이야. {number}번째 질문 {turn}?"})
        messages.append({"role": "assistant", "content": f"반가워요 {name}님! {'좋아 ' * (number % 20)}그래요."})
    return {"messages": messages} | ({"metadata": {"slots": {"name": name}}} if number % 5 else {})


def written(root: Path) -> dict[str, bytes]:
    """All files that the two stages wrote; they are removed."""
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for out in OUTS
        for path in sorted((root / out).rglob("*"))
        if path.is_file()
    }
    for out in OUTS:
        shutil.rmtree(root / out)
    return files


def run_both(root: Path) -> dict[str, bytes]:
    build_vocab.run(root)
    prepare_data.run(root)
    return written(root)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bpe", "word"])
def test_the_same_bytes_whatever_the_shards(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_project(tmp_path / "project", kind)
    expected = run_both(root)
    assert len(expected) == 2 + 9 + 2
    for size in (1, 5000):
        monkeypatch.setattr(shards, "SHARD_BYTES", size)
        assert run_both(root) == expected


@pytest.mark.slow
def test_the_same_bytes_whatever_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_project(tmp_path / "project")
    expected = run_both(root)
    monkeypatch.setattr(shards, "SHARD_BYTES", 5000)
    for workers in (2, 3):
        monkeypatch.setenv("TINYCHAT_WORKERS", str(workers))
        assert run_both(root) == expected


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_damaged_line_is_named_in_whatever_process_and_nothing_is_written(
    tmp_path: Path, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project(tmp_path / "project")
    build_vocab.run(root)
    path = root / "data/corpus/train.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[211] = lines[211].replace(b"user", b"usr", 1)
    path.write_bytes(b"".join(lines))
    monkeypatch.setattr(shards, "SHARD_BYTES", 5000)
    monkeypatch.setenv("TINYCHAT_WORKERS", workers)
    for stage in (build_vocab, prepare_data):
        with pytest.raises(InputError) as caught:
            stage.run(root)
        assert str(caught.value).startswith(f"{path}:212: damaged, a message without role")
    assert [child.name for child in sorted((root / "data").iterdir())] == ["corpus"]


def test_nothing_left_to_train_on_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    build_vocab.run(root)
    text = (root / "params.yaml").read_text(encoding="utf-8")
    (root / "params.yaml").write_text(text.replace("max_len: 40", "max_len: 8"), encoding="utf-8")
    with pytest.raises(InputError, match=r"^no training dialogue fits into 8 tokens \(300 are longer\)"):
        prepare_data.run(root)
    assert [child.name for child in sorted((root / "data").iterdir())] == ["corpus"]
    assert not (root / "reports/prepare").exists()


@pytest.mark.slow
def test_the_same_bytes_on_a_ray_cluster_and_the_same_error(tmp_path: Path, cluster: RayCluster) -> None:
    root = make_project(tmp_path / "project")
    expected = run_both(root)
    for name in cluster.names:
        for stage in ("build_vocab", "prepare_data"):
            ended = cluster.run(name, root, stage)
            assert (ended.returncode, ended.stderr) == (0, "")
        assert written(root) == expected
    build_vocab.run(root)
    path = root / "data/corpus/valid.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "{}\n", encoding="utf-8")
    ended = cluster.run(name, root, "prepare_data")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: data/corpus/valid.jsonl:21: damaged, no messages")
    assert ended.stderr.count("\n") == 1


def test_a_cluster_that_cannot_be_had_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_project(tmp_path / "project")
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("TINYCHAT_CLUSTER", "auto")
    with pytest.raises(InputError, match=r"^TINYCHAT_CLUSTER is auto, but Ray is not installed: pip install"):
        build_vocab.run(root)
    assert not (root / "artifacts/vocab").exists()
