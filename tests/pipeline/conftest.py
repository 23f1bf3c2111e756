"""A copy of the project in which the pipeline has run once; each test gets a copy of that."""

from pathlib import Path

import pytest

from tests.pipeline.project import EPOCHS, Project, make_project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose pipeline has run and is committed; for reading only."""
    project = make_project(tmp_path_factory.mktemp("pipeline") / "tinychat")
    project.repro()
    project.git("add", ".")
    project.git("commit", "--quiet", "--message=run the pipeline")
    return project


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
    project = finished.copy(tmp_path_factory.mktemp("uninterrupted") / "tinychat")
    project.set_params(epochs=EPOCHS)
    project.repro("train")
    return project
