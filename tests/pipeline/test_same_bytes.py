"""The same commit and the same raw dialogues give the same bytes, wherever they lie, whatever the shell is set to."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.pipeline.project import STAGES, Project, make_project

# Three kinds of files, enough groups for three splits, equal lengths, repeats: whatever an order could hide in.
SUBJECTS = ("김밥", "비빔밥", "커피", "영화", "노래", "산책", "바다", "친구", "고양이", "책")
ASKED = (
    "좋아해?",
    "어때?",
    "뭐야?",
    "언제 해?",
    "싫어?",
    "있어?",
    "비싸?",
    "멀어?",
    "예뻐?",
    "어디야?",
    "알아?",
    "왜?",
)
PAIRS = [(f"{subject} {asked}", f"{subject} 나도 {i % 7}") for subject in SUBJECTS for i, asked in enumerate(ASKED)]


@dataclass(frozen=True)
class Clone(Project):
    """A clone in a shell with settings of its own."""

    settings: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.settings}


def raw_files() -> dict[str, str]:
    table = "".join(f"{question},{answer}\n" for question, answer in PAIRS[:60])
    records = [
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
        for question, answer in PAIRS[50:]
    ]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return {"a.csv": "Q,A\n" + table, "b.csv": "Q,A\n" + table.replace("나도", "정말"), "c.jsonl": lines}


def clone(origin: Project, to: Path, names: list[str], **settings: str) -> Clone:
    """Clone the project, and put its raw files there in this order: a disk in memory lists the last one first."""
    to.parent.mkdir(parents=True, exist_ok=True)
    origin.git("clone", "--quiet", str(origin.root), str(to))
    cloned = Clone(to, settings)
    for name in names:
        shutil.copyfile(origin.root / "data/raw" / name, to / "data/raw" / name)
    return cloned


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another kind of disk where there is one: it lists its files in another order."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.slow
def test_two_clones_in_different_places_and_shells_make_the_same_bytes(tmp_path: Path, other_disk: Path) -> None:
    """One by forked processes (tests/forkserver.py), the other by new ones, since it sets Python's hash seed."""
    origin = make_project(tmp_path / "origin")
    (origin.root / "data/raw/qa.csv").unlink()
    for name, content in raw_files().items():
        (origin.root / "data/raw" / name).write_text(content, encoding="utf-8")
    names = sorted(raw_files())
    one = clone(origin, tmp_path / "one", names[::-1], LC_ALL="C.UTF-8", TZ="UTC")
    for folder in ("tmp", "home"):
        (other_disk / folder).mkdir()
    other = clone(
        origin,
        other_disk / "더 깊은 곳" / "my tinychat",
        names,
        PYTHONHASHSEED="6",
        LC_ALL="C",
        LANG="C",
        TZ="Asia/Seoul",
        TMPDIR=str(other_disk / "tmp"),
        HOME=str(other_disk / "home"),
        USER="somebody",
    )
    for project in (one, other):
        assert project.repro().ran == list(STAGES)
        assert project.metric("corpus", "splits")["test"]["dialogues"] > 0

    made = one.out_bytes(), other.out_bytes()
    assert {name for name in made[0].keys() | made[1].keys() if made[0].get(name) != made[1].get(name)} == set()
    assert len(made[0]) > 30
    assert (one.root / "dvc.lock").read_bytes() == (other.root / "dvc.lock").read_bytes()
    assert one.git("diff") == other.git("diff")
    for path in (str(one.root), str(other.root)):
        assert not [name for name, content in made[0].items() if path.encode() in content]
