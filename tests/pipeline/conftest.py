"""A copy of the project in which the pipeline has run once; each test gets a copy of that."""

from pathlib import Path

import pytest

from tests.pipeline.project import Project, make_project


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
