"""A copy of the project in which the pipeline has run once; each test gets a copy of that."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pipeline.project import EPOCHS, Project, make_project


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Project]) -> Project:
    """The project that `make` makes in a folder; the first process of pytest-xdist that needs it makes it for all.

    No command may run in it: git and DVC write temporary files, while another process may be copying the folder.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return make(factory.mktemp(name) / "tinychat")
    folder = factory.getbasetemp().parent / name
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        done = folder / "done"
        if not done.exists():
            make(folder / "tinychat")
            done.touch()
    return Project(folder / "tinychat")


def make_finished(root: Path, all_deps: bool) -> Project:
    project = make_project(root, all_deps)
    project.repro()
    project.git("add", ".")
    project.git("commit", "--quiet", "--message=run the pipeline")
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose pipeline has run and is committed, with packages as deps on code; for reading only."""
    return made_once(tmp_path_factory, "finished", partial(make_finished, all_deps=False))


@pytest.fixture(scope="session")
def finished_with_all_deps(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with all deps of the project's own dvc.yaml, where a test is about them."""
    return made_once(tmp_path_factory, "finished_with_all_deps", partial(make_finished, all_deps=True))


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A project of the test's own whose pipeline has run and is committed."""
    return finished.copy(tmp_path / "tinychat")


@pytest.fixture
def project_to_train(project: Project) -> Project:
    """A project of the test's own, whose next `dvc repro` trains for some seconds."""
    project.set_params(epochs=EPOCHS)
    return project


@pytest.fixture(scope="session")
def uninterrupted(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What `dvc repro train` makes of such a project where nothing comes between; for reading only."""

    def make(root: Path) -> Project:
        project = finished.copy(root)
        project.set_params(epochs=EPOCHS)
        project.repro("train")
        return project

    return made_once(tmp_path_factory, "uninterrupted", make)
