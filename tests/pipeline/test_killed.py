"""Stopped, killed, started twice: no stage leaves half an out, and the next `dvc repro` ends with the same bytes."""

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.forkserver import fast_python
from tests.pipeline.conftest import made_once
from tests.pipeline.moments import Moment
from tests.pipeline.processes import (
    MAKE_REPRO,
    REPRO,
    TRAINS,
    forget,
    litter,
    outs_of,
    remove,
    repro_or_mend,
    snapshot_every,
    wait_until,
    watch,
)
from tests.pipeline.project import EPOCHS, STAGES, Project, files_below, ran, word
from tinychat.files import write_json

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends the signals of POSIX")

TRAIN = (*REPRO, "train")
KILLS = 6  # of a stage; where they fall is chosen by chance, the same in each run
REPRO_AT_A_MOMENT = ("python", "-m", "dvc", "repro")  # DVC itself may have the moment


def whole_or_absent(project: Project, outs: list[str], expected: dict[str, bytes]) -> None:
    """Each of these outs is not there, or has all its files with all their bytes."""
    for out in outs:
        path = project.root / out
        found = {file.relative_to(project.root).as_posix(): file.read_bytes() for file in files_below(path)}
        whole = {name: content for name, content in expected.items() if name == out or name.startswith(f"{out}/")}
        assert found == whole or not path.exists(), (out, sorted(found))


def at(moment: Moment, project: Project, *command: str) -> int:
    """The exit code of a command in which a module has this moment; `python`, as the command names it, is forked."""
    settings = moment.settings(project.root.parent / "moment", fast_python())
    return project.end(*command, **settings).returncode


def writes_of(project: Project, module: str, *command: str) -> int:
    """How often a module in a command changes something on the disk."""
    count = project.root.parent / "writes"
    assert at(Moment(module, count=str(count)), project, *command) == 0
    return int(count.read_text(encoding="utf-8"))


KILLED_WHILE_WRITING = """
import os, resource, runpy, signal, sys

stage, file, times, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sys.dont_write_bytecode = True
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

def strike(event, arguments):
    global times
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR) and file in os.path.basename(arguments[0]):
        times -= 1
        if times == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

sys.addaudithook(strike)
runpy.run_module(f"stages.{stage}", run_name="__main__")
"""


def killed_while_writing(project: Project, stage: str, file: str, *, times: int = 1, size: int) -> None:
    """Run a stage that the kernel kills when it opened this file so many times and has written so many bytes of it."""
    killed = project.run(sys.executable, "-c", KILLED_WHILE_WRITING, stage, file, str(times), str(size), fails=True)
    assert killed.returncode == -signal.SIGXFSZ, killed.stderr


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_killed_in_the_middle_of_a_file_leaves_no_half_out(project: Project, stage: str) -> None:
    expected, outs = project.out_bytes(), outs_of(project, stage)
    sizes = {Path(name).name: len(content) for name, content in expected.items() if name.startswith(tuple(outs))}
    files = sorted((name for name in sizes if sizes[name] > 1), key=lambda name: sizes[name])
    forget(project, stage)
    for file in dict.fromkeys((files[0], files[len(files) // 2], files[-1])):
        killed_while_writing(project, stage, file, size=sizes[file] // 2)
        whole_or_absent(project, outs, expected)
        left = [re.sub(r"\d+\.tmp$", "", str(path)) for path in litter(project)]
        assert left  # so it was killed in the middle, and
        assert len(left) == len(set(left))  # what an earlier one left beside the same out is gone
    project.repro("-s", stage)
    assert project.out_bytes() == expected
    assert litter(project) == []


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_snapshot_leaves_the_one_before(project: Project) -> None:
    snapshot_every(0.0, project)
    project.repro("train")
    expected = project.out_bytes()
    forget(project, "train")
    killed_while_writing(project, "train", "snapshot.safetensors", times=3, size=1000)
    ended = project.dvc("repro", "train")
    assert "resuming from the snapshot of step 2 of 3" in ended.stdout
    assert project.out_bytes() == expected


@pytest.fixture(scope="session")
def snapshots_all_the_time(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished project whose training saves a snapshot after each step, so that a kill may well hit one."""

    def make(root: Path) -> Project:
        project = finished.copy(root)
        project.set_params(epochs=EPOCHS)
        snapshot_every(0.0, project)
        project.repro()
        project.git("commit", "--quiet", "--all", "--message=longer")
        return project

    return made_once(tmp_path_factory, "snapshots", make)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_killed_at_any_moment_leaves_nothing_half_written(
    snapshots_all_the_time: Project, tmp_path: Path, stage: str
) -> None:
    project = snapshots_all_the_time.copy(tmp_path / "tinychat")
    expected, outs = project.out_bytes(), outs_of(project, stage)
    module = f"stages.{stage}"
    forget(project, stage)
    writes = writes_of(project, module, "python", "-m", module)
    chance, hits = random.Random(stage), 0
    for part in range(KILLS):  # each run finds what the ones before have left
        remove(project, outs)
        moment = 1 + int((part + chance.random()) / KILLS * writes)
        kill = Moment(module, f"write {moment}", signal.SIGKILL)
        hits += at(kill, project, "python", "-m", module) == -signal.SIGKILL
        whole_or_absent(project, outs, expected)
        changed = {line[3:] for line in project.git("status", "--short").splitlines()}
        assert changed <= {"dvc.lock", *outs}
    assert hits >= KILLS // 2
    assert project.repro().ran == [stage]
    assert project.out_bytes() == expected
    assert litter(project) == []


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["ingest", "train", "summarize"])
def test_where_dvc_and_its_stage_are_killed_at_any_moment_the_next_repro_ends_with_the_same_bytes(
    snapshots_all_the_time: Project, tmp_path: Path, stage: str
) -> None:
    """The power fails, the memory is used up."""
    project = snapshots_all_the_time.copy(tmp_path / "tinychat")
    expected, outs = project.out_bytes(), outs_of(project, stage)
    forget(project, stage)
    writes = writes_of(project, "dvc", *REPRO_AT_A_MOMENT, "-s", stage)
    chance = random.Random(stage)
    for part in range(3):
        forget(project, stage)
        kill = Moment("dvc", f"write {1 + int((part + chance.random()) / 3 * writes)}", signal.SIGKILL, group=True)
        with watch(project, *REPRO_AT_A_MOMENT, "-s", stage, moment=kill) as repro:
            assert repro.end() != 0
            repro.die()
        whole_or_absent(project, outs, expected)
        assert set(repro_or_mend(project).ran) <= {stage}
        assert project.out_bytes() == expected
        assert litter(project) == []


@pytest.mark.slow
def test_dvc_names_its_own_lock_file_where_it_was_killed_while_writing_it(project: Project) -> None:
    path = project.root / ".dvc/tmp/rwlock"
    path.write_text(path.read_text(encoding="utf-8")[:1], encoding="utf-8")
    project.append("stages/ingest.py", "# another version\n")
    assert ".dvc/tmp/rwlock" in project.dvc("repro", fails=True).stderr
    path.unlink()
    assert project.repro().ran == ["ingest"]


@pytest.mark.slow
def test_a_dvc_lock_that_was_cut_off_is_made_again_from_the_cache(project: Project) -> None:
    path, expected = project.root / "dvc.lock", project.out_bytes()
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"  train:") + 500] + b"\n    x")
    assert "dvc.lock" in project.dvc("repro", fails=True).stderr
    path.unlink()
    again = project.repro()
    assert (again.ran, set(again.restored)) == ([], set(STAGES))
    assert path.read_bytes() == whole
    assert project.out_bytes() == expected


@pytest.mark.slow
def test_what_a_killed_process_left_beside_an_out_goes_and_what_a_living_one_writes_stays(project: Project) -> None:
    dead = project.start(sys.executable, "-c", "")
    dead.communicate()
    left = project.root / f"data/.corpus.{dead.pid}.tmp/new"
    left.mkdir(parents=True)
    (left / "train.jsonl").write_text("half", encoding="utf-8")
    others = [
        project.root / f"data/.corpus.{os.getpid()}.tmp",  # of a process that is alive
        project.root / f"data/.corpus.bak.{dead.pid}.tmp",  # of another file
        project.root / f"data/corpus.{dead.pid}.tmp",
    ]
    for other in others:
        other.mkdir()
    project.run(sys.executable, "-m", "stages.ingest")
    assert not left.parent.exists()
    assert all(other.exists() for other in others)


def test_a_killed_process_that_nobody_waits_for_counts_as_dead(tmp_path: Path) -> None:
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    wait_until(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE)
    left = tmp_path / f".metrics.json.{zombie.pid}.tmp"
    left.write_text("{", encoding="utf-8")
    write_json(tmp_path / "metrics.json", {})
    assert not left.exists()
    zombie.wait()


@pytest.mark.slow
@pytest.mark.parametrize("stage", [name for name in STAGES if name != "train"])
def test_sigterm_ends_a_stage_at_once_and_leaves_no_out(project: Project, stage: str) -> None:
    outs, module = outs_of(project, stage), f"stages.{stage}"
    forget(project, stage)
    terminate = Moment(module, "import pydantic_core", signal.SIGTERM)
    with watch(project, "python", "-m", module, moment=terminate) as ended:
        assert ended.end() == -signal.SIGTERM
        assert "Traceback" not in ended.printed
    assert not [out for out in outs if (project.root / out).exists()]
    assert litter(project) == []


def same(project: Project, uninterrupted: Project) -> None:
    assert project.out_bytes() == uninterrupted.out_bytes()
    assert (project.root / "dvc.lock").read_bytes() == (uninterrupted.root / "dvc.lock").read_bytes()


def goes_on(project: Project, step: str) -> None:
    """`dvc repro` says that it resumes from this step, and reaches the end."""
    ended = project.dvc("repro", "train")
    assert f"resuming from the snapshot of step {step} of {EPOCHS}" in ended.stdout
    assert ran(ended.stdout).ran[0] == "train"


@pytest.mark.slow
@pytest.mark.parametrize("command", [TRAIN, MAKE_REPRO], ids=["dvc repro train", "make repro"])
def test_ctrl_c_ends_training_after_the_step_it_is_at_and_the_same_command_goes_on(
    project_to_train: Project, uninterrupted: Project, command: tuple[str, ...]
) -> None:
    project = project_to_train
    with watch(project, *command, moment=TRAINS) as repro:
        process = repro.stopped()
        repro.send(signal.SIGINT)
        process.resume()
        repro.wait_for(rf"^stopped: a snapshot of step 10 of {EPOCHS} is kept .* resumes from there")
        assert repro.end() != 0
        assert "Traceback" not in repro.printed
        assert "failed to reproduce 'train'" in repro.printed
        assert "reports/summary.html" not in repro.printed
    assert not (project.root / "models/dialogue").exists()
    goes_on(project, "10")
    same(project, uninterrupted)


@pytest.mark.slow
def test_ctrl_c_is_heard_during_validation(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "tinychat")
    rows = "".join(f"{word(2 * n)}?,{word(2 * n + 1)} {'아 ' * 40}\n" for n in range(800))
    (project.root / "data/raw/qa.csv").write_text("Q,A\n" + rows, encoding="utf-8")
    path = project.root / "params.yaml"
    text = path.read_text(encoding="utf-8")
    shares = "    train: 0.9\n    valid: 0.05\n"
    assert shares in text
    path.write_text(text.replace(shares, "    train: 0.01\n    valid: 0.94\n"), encoding="utf-8")
    with watch(project, *TRAIN, moment=Moment("stages.train", "validation 2")) as repro:
        process = repro.stopped()
        repro.send(signal.SIGINT)
        process.resume()
        repro.wait_for(r"^stopped: a snapshot of step \d+ ")
        assert repro.end() != 0
        assert "epoch 1/" not in repro.printed  # so the validation was not finished


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["ingest", "train", "summarize"])
def test_ctrl_c_while_a_stage_loads_its_modules_shows_no_traceback(project: Project, stage: str) -> None:
    forget(project, stage)
    with watch(project, *REPRO, "-s", stage, moment=Moment(f"stages.{stage}", "import pydantic_core")) as repro:
        process = repro.stopped()
        repro.send(signal.SIGINT)
        process.resume()
        assert repro.end() != 0
        assert "Traceback" not in repro.printed
        assert f"failed to reproduce '{stage}'" in repro.printed


@pytest.mark.slow
def test_ctrl_c_in_the_last_moment_of_training_does_not_start_the_next_stage(
    project_to_train: Project,
) -> None:
    project = project_to_train
    code = project.root / "stages/train.py"
    text = code.read_text(encoding="utf-8")
    last_line = '        result.save(root / MODEL, root / REPORTS, tokenizer_file=root / VOCAB / "tokenizer.json")\n'
    assert last_line in text
    code.write_text(
        text.replace(last_line, f"{last_line}        __import__('os').kill(0, __import__('signal').SIGINT)\n"),
        encoding="utf-8",
    )
    with watch(project, *REPRO) as repro:
        assert repro.end() != 0
        assert f"a snapshot of step {EPOCHS} of {EPOCHS} is kept" in repro.printed
        assert "Running stage 'evaluate'" not in repro.printed


@pytest.mark.slow
def test_ctrl_c_after_a_stage_has_written_its_outs_does_not_throw_them_away(project: Project) -> None:
    project.append(
        "stages/export_csv.py", "    __import__('os').kill(__import__('os').getpid(), 2)  # while Python ends\n"
    )
    with watch(project, *REPRO) as repro:
        assert repro.end() == 0, repro.printed


@pytest.mark.slow
def test_a_second_repro_during_a_stage_says_who_is_in_its_way_and_disturbs_nothing(
    project: Project, finished: Project
) -> None:
    stage = "generate"
    forget(project, stage)
    with watch(project, *REPRO, moment=Moment(f"stages.{stage}", "import pydantic_core")) as first:
        process = first.stopped()
        second = project.dvc("repro", fails=True)
        assert f"PID {first.process.pid}" in second.stderr
        assert "is busy, it is being blocked by" in second.stderr
        assert ran(second.stdout).ran == []
        process.resume()
        assert first.end() == 0, first.printed
    assert project.out_bytes() == finished.out_bytes()
    assert project.repro().ran == []


@pytest.mark.slow
def test_a_second_repro_during_training_says_who_is_in_its_way_and_disturbs_nothing(
    project_to_train: Project, uninterrupted: Project
) -> None:
    project = project_to_train
    with watch(project, *TRAIN, moment=TRAINS) as first:
        process = first.stopped()
        for command in (["repro"], ["repro", "--force"], ["repro", "--single-item", "train"]):
            second = project.dvc(*command, fails=True)
            assert f"PID {first.process.pid}" in second.stderr
        # What DVC does not stop: the old model comes back into the place of the one that is being trained.
        project.dvc("checkout")
        process.resume()
        assert first.end() == 0, first.printed
    same(project, uninterrupted)


@pytest.mark.slow
def test_of_two_repros_that_begin_together_one_ends_well(project_to_train: Project, uninterrupted: Project) -> None:
    project = project_to_train
    with watch(project, *TRAIN, moment=TRAINS) as one, watch(project, *TRAIN, moment=TRAINS) as other:
        # Whichever trains waits until the other has ended.
        (refused,) = wait_until(lambda: [repro for repro in (one, other) if repro.process.poll() is not None])
        assert refused.end() == 255
        assert re.search(r"is busy|Unable to acquire lock", refused.printed)
        trains = other if refused is one else one
        trains.stopped().resume()
        assert trains.end() == 0, trains.printed
    same(project, uninterrupted)


@pytest.mark.slow
def test_a_training_that_lost_its_dvc_is_named_and_goes_on_once_it_was_ended(
    project_to_train: Project, uninterrupted: Project
) -> None:
    project = project_to_train
    with watch(project, *TRAIN, moment=TRAINS) as repro:
        orphan = repro.stopped()
        repro.process.kill()
        repro.process.wait()
        refused = project.dvc("repro", "train", fails=True)
        assert f"another training runs in this project (process {orphan.pid})" in refused.stderr
        assert f"`kill {orphan.pid}`" in refused.stderr
        orphan.terminate()
        orphan.resume()
        repro.wait_for(r"^stopped: a snapshot of step 10 ")
        psutil.wait_procs([orphan])
    goes_on(project, "10")
    same(project, uninterrupted)


@pytest.mark.slow
def test_a_training_that_lost_its_dvc_and_ends_by_itself_leaves_the_next_repro_to_succeed(
    project_to_train: Project, uninterrupted: Project
) -> None:
    project = project_to_train
    with watch(project, *TRAIN, moment=TRAINS) as repro:
        orphan = repro.stopped()
        repro.process.kill()
        repro.process.wait()
        orphan.resume()
        psutil.wait_procs([orphan])
    assert (project.root / "models/dialogue/model.safetensors").exists()
    project.repro("train")
    same(project, uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("params.yaml", "learning_rate: 0.001", "learning_rate: 0.002"),
        ("tinychat/training/optimizers.py", "import ", "# another version\nimport "),
    ],
)
def test_a_model_is_not_recorded_as_made_of_what_changed_while_it_was_trained(
    project_to_train: Project, uninterrupted: Project, file: str, old: str, new: str
) -> None:
    project = project_to_train
    path = project.root / file
    before = path.read_text(encoding="utf-8")
    with watch(project, *TRAIN, moment=TRAINS) as repro:
        process = repro.stopped()
        path.write_text(before.replace(old, new, 1), encoding="utf-8")
        process.resume()
        assert repro.end() != 0
        assert re.search(r"^error: .* changed during the training", repro.printed, re.MULTILINE)
    assert not (project.root / "models/dialogue").exists()
    path.write_text(before, encoding="utf-8")
    goes_on(project, str(EPOCHS))
    same(project, uninterrupted)
