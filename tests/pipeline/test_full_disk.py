"""A full disk: who found no room says so, nothing is half-written, and the same command works once there is room."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pipeline.moments import Moment
from tests.pipeline.processes import (
    REPRO,
    TRAINS,
    Watched,
    forget,
    litter,
    outs_of,
    remove,
    repro_or_mend,
    snapshot_every,
    watch,
)
from tests.pipeline.project import EPOCHS, STAGES, Project, word

pytestmark = pytest.mark.slow

FULL = "No space left on device"
ADVICE = "make room, then run the same command again"
TRAIN = (*REPRO, "train")
TWICE = Moment("stages.train", "step 10,step 12")  # to fill the disk, and to do something about it


@dataclass(frozen=True)
class Disk:
    """A small disk of its own."""

    root: Path

    def fill(self, leave: int = 0) -> None:
        """Take all room, but for so many bytes."""
        with open(self.root / "filler", "wb", buffering=0) as filler:
            size = 2**20
            while size >= 4096:
                try:
                    filler.write(bytes(size))
                except OSError:
                    size //= 2
            filler.truncate(filler.tell() - leave)

    def make_room(self) -> None:
        (self.root / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 48 MiB in memory."""
    root = tmp_path / "disk"
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(root)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk here: `unshare --map-root-user --mount pytest …` may give it")
    try:
        yield Disk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)


@pytest.fixture
def project(finished: Project, disk: Disk) -> Project:
    """A project on that disk whose pipeline has run and is committed."""
    return finished.copy(disk.root / "tinychat")


def warned(training: Watched) -> str:
    """Wait for the warning that a snapshot found no room; the step of the one that stays."""
    return training.wait_for(
        rf"^warning: no snapshot of step \d+ \(\S+/snapshot\.safetensors: {FULL}\); training goes on\. "
        r"Where it is stopped, the same command resumes from the snapshot of step (\d+)$"
    )[1]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_the_file_that_found_no_room(project: Project, disk: Disk, stage: str) -> None:
    expected, outs = project.out_bytes(), outs_of(project, stage)
    remove(project, outs)
    disk.fill()
    ended = project.run(sys.executable, "-m", f"stages.{stage}", fails=True)
    assert ended.returncode == 1
    first = ".tinychat/train.pid" if stage == "train" else "|".join(outs)
    assert re.fullmatch(rf"error: ({first}): {FULL}; {ADVICE}\n", ended.stderr)
    assert not [out for out in outs if (project.root / out).exists()]
    assert litter(project) == []
    disk.make_room()
    project.run(sys.executable, "-m", f"stages.{stage}")
    assert project.out_bytes() == expected


@pytest.mark.parametrize(("stage", "out"), [("ingest", "data/corpus"), ("prepare_data", "data/prepared")])
def test_dvc_keeps_the_last_good_state_and_goes_on_once_there_is_room(
    project: Project, disk: Disk, finished: Project, tmp_path: Path, stage: str, out: str
) -> None:
    before = project.out_bytes()
    control = finished.copy(tmp_path / "control")
    rows = "".join(f"{word(2 * n)}?,{word(2 * n + 1)}\n" for n in range(200, 6200))
    for changed in (project, control):
        (changed.root / "data/raw/more.csv").write_text("Q,A\n" + rows, encoding="utf-8")
        if stage == "prepare_data":
            changed.repro("build_vocab")
    disk.fill(leave=2**18)  # enough for what DVC itself writes, not for the dialogues
    failed = project.dvc("repro", fails=True)
    assert f"error: {out}: {FULL}; {ADVICE}\n" in failed.stderr
    assert f"failed to reproduce '{stage}'" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (project.root / out).exists()
    assert litter(project) == []
    disk.make_room()

    project.repro("prepare_data")
    control.repro("prepare_data")
    assert project.out_bytes() == control.out_bytes()
    (project.root / "data/raw/more.csv").unlink()
    assert project.repro().ran == []
    assert project.out_bytes() == before


def test_a_model_that_found_no_room_is_trained_again(
    project_to_train: Project, disk: Disk, uninterrupted: Project
) -> None:
    project = project_to_train
    with watch(project, *TRAIN, moment=TRAINS) as repro:
        process = repro.stopped()
        disk.fill()
        process.resume()
        assert repro.end() != 0
        assert re.search(
            rf"^no snapshot of step {EPOCHS} \(\S+/snapshot\.safetensors: {FULL}\); "
            "the same command starts from the beginning$",
            repro.printed,
            re.MULTILINE,
        )
        assert f"\nerror: models/dialogue: {FULL}; {ADVICE}\n" in repro.printed
        assert "Traceback" not in repro.printed
    assert not (project.root / "models/dialogue").exists()
    assert litter(project) == []
    disk.make_room()
    repro_or_mend(project, "train")
    assert project.out_bytes() == uninterrupted.out_bytes()


def test_an_earlier_snapshot_outlives_a_full_disk(
    project_to_train: Project, disk: Disk, uninterrupted: Project
) -> None:
    project = project_to_train
    snapshot_every(0.0, project)
    with watch(project, *TRAIN, moment=TWICE) as repro:
        process = repro.stopped()
        disk.fill()
        process.resume()
        step = warned(repro)
        repro.stopped().resume()
        assert repro.end() != 0
        assert repro.printed.count("warning: no snapshot") == 1
        assert f"; the same command resumes from the snapshot of step {step}\n" in repro.printed
        assert f"\nerror: models/dialogue: {FULL}; {ADVICE}\n" in repro.printed
    assert not (project.root / "models/dialogue").exists()
    assert litter(project) == []
    disk.make_room()
    again = project.dvc("repro", "train").stdout
    assert f"resuming from the snapshot of step {step} of {EPOCHS}\n" in again
    assert project.out_bytes() == uninterrupted.out_bytes()


def test_training_goes_on_without_snapshots_and_ends_well_where_room_comes_back(
    project_to_train: Project, disk: Disk, uninterrupted: Project
) -> None:
    project = project_to_train
    snapshot_every(0.0, project)
    with watch(project, *TRAIN, moment=TWICE) as repro:
        process = repro.stopped()
        disk.fill()
        process.resume()
        warned(repro)
        process = repro.stopped()
        disk.make_room()
        process.resume()
        assert repro.end() == 0, repro.printed
    assert project.out_bytes() == uninterrupted.out_bytes()


def test_ctrl_c_on_a_full_disk_says_from_where_the_same_command_goes_on(project_to_train: Project, disk: Disk) -> None:
    project = project_to_train
    snapshot_every(0.0, project)
    with watch(project, *TRAIN, moment=TWICE) as repro:
        process = repro.stopped()
        disk.fill()
        process.resume()
        step = warned(repro)
        process = repro.stopped()
        repro.send(signal.SIGINT)
        process.resume()
        stopped = repro.wait_for(rf"^stopped: no snapshot of step \d+ \(\S+: {FULL}\); (.*)")[1]
        assert stopped == f"the same command resumes from the snapshot of step {step}"
        assert repro.end() != 0
    disk.make_room()
    assert f"resuming from the snapshot of step {step} of {EPOCHS}\n" in project.dvc("repro", "train").stdout


def test_a_disk_without_a_free_byte_stops_dvc_itself_and_removing_its_lock_file_is_enough(
    finished_with_all_deps: Project, disk: Disk
) -> None:
    project = finished_with_all_deps.copy(disk.root / "tinychat")  # the lock file names all deps: more than a page
    expected = project.out_bytes()
    forget(project, "train")
    disk.fill()
    failed = project.dvc("repro", fails=True)
    # DVC reports the full disk or, where an earlier write has cut it off, its own lock file.
    assert FULL in failed.stderr or ".dvc/tmp/rwlock" in failed.stderr
    assert "Traceback" not in failed.stderr
    disk.make_room()
    assert ".dvc/tmp/rwlock" in project.dvc("repro", fails=True).stderr
    (project.root / ".dvc/tmp/rwlock").unlink()
    project.repro()
    assert project.out_bytes() == expected
