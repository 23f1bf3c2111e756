"""A small model that was trained, and its page; a browser; and the page in it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.page.browsers import COMMANDS, Opened, launched, opened
from tests.page.projects import write_reports
from tinychat.files import read_json, write_json

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def project(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of five dialogues with a small trained model, its page, and a summary to which that links."""
    from stages import build_page
    from tests.generation.conftest import train

    root = tmp_path_factory.mktemp("page") / "project"
    train(root, repo)
    read_alone(root, False)
    write_reports(root)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["analyze"]["prompts"] = ["안녕"]
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (root / "reports/summary.html").write_text("<!doctype html><title>the summary</title>", encoding="utf-8")
    build_page.run(root)
    return root


@pytest.fixture(scope="session")
def page_file_alone(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small model, which answers each message without those before."""
    from stages import build_page

    root = shutil.copytree(project, tmp_path_factory.mktemp("alone") / "project")
    read_alone(root, True)
    build_page.run(root)
    return root / "outputs/tinychat.html"


def read_alone(root: Path, alone: bool) -> None:
    """Set whether the model of a project answers each message without those before, as after single questions."""
    file = root / "models/dialogue/generation_config.json"
    write_json(file, read_json(file) | {"single_exchange": alone})


@pytest.fixture(scope="session")
def page_file(project: Path) -> Path:
    """The page of the small model, in 6 bits."""
    return project / "outputs/tinychat.html"


@pytest.fixture(scope="session")
def page_file_int8(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small model, in 8 bits."""
    from stages import build_page

    root = shutil.copytree(project, tmp_path_factory.mktemp("int8") / "project")
    params = (root / "params.yaml").read_text(encoding="utf-8")
    assert "bits: 6" in params
    (root / "params.yaml").write_text(params.replace("bits: 6", "bits: 8"), encoding="utf-8")
    build_page.run(root)
    return root / "outputs/tinychat.html"


@pytest.fixture(scope="module", params=list(COMMANDS))
def browser(request: pytest.FixtureRequest) -> "Iterator[Browser]":
    """Each browser, one after the other."""
    with launched(request.param) as found:
        yield found


Open = Callable[..., Opened]


@pytest.fixture
def page(browser: "Browser", page_file: Path) -> Iterator[Opened]:
    """The page of the small model, which has answered its example."""
    with opened(browser, page_file) as found:
        yield found


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[Open]:
    """Opens a page from a file; options of Playwright's contexts."""
    contexts = []

    def open_one(file: Path, **options: Any) -> Opened:
        contexts.append(opened(browser, file, **options))
        return contexts[-1].__enter__()

    yield open_one
    for context in contexts:
        context.__exit__(None, None, None)
