"""The way back from an experiment, on a machine whose bytes are not those of the committed dvc.lock."""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.pipeline.processes import MAKE_REPRO, REPRO
from tests.pipeline.project import Project, ran
from tests.pipeline.test_what_runs import AFTER_TRAIN
from tinychat.errors import InputError
from tools import repro

pytestmark = pytest.mark.slow


def commit_as_another_machine(project: Project) -> None:
    """Let the commit hold what another machine, with slightly other weights, would have; the folder stays as it is."""
    lock = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))
    theirs: dict[str, str] = {}
    own = {"dvc.lock": (project.root / "dvc.lock").read_bytes()}
    for stage in AFTER_TRAIN:
        for out in lock["stages"][stage]["outs"]:
            path = project.root / out["path"]
            if project.git("ls-files", out["path"]):
                own[out["path"]] = path.read_bytes()
                path.write_bytes(own[out["path"]] + b"\n")
                theirs[out["path"]] = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            else:
                theirs[out["path"]] = hashlib.md5(out["md5"].encode(), usedforsecurity=False).hexdigest()
                theirs[out["path"]] += ".dir" if path.is_dir() else ""
    for entry in lock["stages"].values():
        for file in [*entry["deps"], *entry["outs"]]:
            file["md5"] = theirs.get(file["path"], file["md5"])
    (project.root / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")
    project.git("commit", "--quiet", "--all", "--message=run elsewhere")
    for name, content in own.items():
        (project.root / name).write_bytes(content)


@pytest.fixture
def here(project: Project) -> Project:
    """A project that was committed on another machine, and whose pipeline has run on this one; nothing is committed."""
    commit_as_another_machine(project)
    return project


@pytest.fixture(scope="module")
def with_an_experiment(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Such a project, after an experiment that trained another model; for reading only."""
    project = finished.copy(tmp_path_factory.mktemp("experiment") / "tinychat")
    commit_as_another_machine(project)
    assert project.repro().ran == []
    assert "train" in ran(project.dvc("exp", "run", "-S", "train.epochs=1").stdout).ran
    return project


@pytest.fixture
def after_an_experiment(with_an_experiment: Project, tmp_path: Path) -> Project:
    """The same, of the test's own."""
    return with_an_experiment.copy(tmp_path / "tinychat")


def forget(project: Project) -> None:
    """What `make repro` does before it calls DVC."""
    project.run(sys.executable, "-c", "from tools.repro import forget_lost_outs; forget_lost_outs()")


@pytest.mark.parametrize("command", [MAKE_REPRO, REPRO], ids=["make repro", "dvc repro"])
def test_the_earlier_params_bring_the_earlier_model_back_without_training(
    after_an_experiment: Project, finished: Project, command: tuple[str, ...]
) -> None:
    project = after_an_experiment
    project.git("checkout", "params.yaml")
    back = ran(project.run(*command).stdout)
    assert (back.ran, set(back.restored)) == ([], set(AFTER_TRAIN))
    assert project.out_bytes() == finished.out_bytes()


@pytest.mark.parametrize("lost", ["nothing", "what dvc checkout lacks", "all of train and before"])
def test_make_repro_brings_the_earlier_model_back_after_git_checkout_without_training(
    after_an_experiment: Project, finished: Project, lost: str
) -> None:
    project = after_an_experiment
    project.git("checkout", ".")
    if lost == "what dvc checkout lacks":
        assert "Checkout failed" in project.dvc("checkout", fails=True).stderr
    if lost == "all of train and before":
        for folder in ("data/prepared", "artifacts", "models"):
            shutil.rmtree(project.root / folder)
    back = ran(project.run(*MAKE_REPRO).stdout)
    assert (back.ran, set(AFTER_TRAIN) - set(back.restored)) == ([], set())
    assert project.out_bytes() == finished.out_bytes()


def test_a_lock_whose_outs_this_machine_never_made_is_left_as_it_is(here: Project, tmp_path: Path) -> None:
    """So that `dvc pull` still knows what to fetch."""
    here.git("clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    forget(clone)
    assert clone.git("status", "--short") == ""


def test_make_repro_ends_with_what_to_do_next_also_where_nothing_had_to_run(project: Project) -> None:
    again = project.run(*MAKE_REPRO, TINYCHAT_LANGUAGE="")
    assert ran(again.stdout).ran == []
    assert again.stdout.endswith(
        "tinychat chat\n브라우저에서는 이 파일로: outputs/tinychat.html\n보고서는 여기 있습니다: reports/summary.html\n"
    )
    project.set_params(language="en")
    in_english = project.run(*MAKE_REPRO, TINYCHAT_LANGUAGE="")
    assert ran(in_english.stdout).ran == ["analyze_layers", "summarize", "build_page"]
    assert in_english.stdout.endswith(
        "tinychat chat\nor in a browser: outputs/tinychat.html\nand read the summary: reports/summary.html\n"
    )


def test_make_repro_refuses_params_that_cannot_be_before_dvc_touches_anything(project: Project) -> None:
    project.set_params(epochs="many")
    refused = project.run(*MAKE_REPRO, fails=True)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: params.yaml: train.epochs is 'many'")


def test_a_model_that_this_machine_could_not_train_is_refused_only_where_it_would_be_trained(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(params: object) -> None:
        raise InputError("too large")

    monkeypatch.chdir(here.root)
    monkeypatch.setattr(repro, "check_memory", too_large)
    monkeypatch.setattr(repro, "repro", lambda: 0)
    repro.run()
    here.set_params(epochs=4)
    with pytest.raises(InputError, match="too large"):
        repro.run()


def test_dvc_lock_keeps_the_order_of_the_stages(here: Project) -> None:
    """DVC writes a stage that had no entry at the end: git would show the whole file as changed."""
    path = here.root / "dvc.lock"
    before = path.read_text(encoding="utf-8")
    lock = yaml.safe_load(before)
    stages = list(lock["stages"])
    lock["stages"] = {name: lock["stages"][name] for name in [*stages[1:3], stages[0], *stages[3:]]}
    path.write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")
    restore = [sys.executable, "-c", "from tools.repro import restore_order; restore_order()"]
    here.run(*restore)
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(found["stages"]) == stages
    assert found == yaml.safe_load(before)
    for broken in ("schema: '2.0'\nstages:\n  ing", "", "stages: 3\n"):
        path.write_text(broken, encoding="utf-8")
        here.run(*restore)
        assert path.read_text(encoding="utf-8") == broken
    (here.root / "dvc.yaml").write_text("stages: [", encoding="utf-8")
    here.run(*restore)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_a_stage_that_failed_and_is_put_right_leaves_dvc_lock_as_it_was(project: Project) -> None:
    before = (project.root / "dvc.lock").read_bytes()
    faulty = project.root / "data/raw/faulty.csv"
    faulty.write_text("Q,A\n안녕,반가워,남는 칸\n", encoding="utf-8")
    assert project.run(*MAKE_REPRO, fails=True).returncode != 0
    faulty.unlink()
    project.run(*MAKE_REPRO)
    assert (project.root / "dvc.lock").read_bytes() == before
