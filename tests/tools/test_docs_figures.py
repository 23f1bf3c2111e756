"""The figures in the documents are those of their sources."""

import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.project import REPO
from tools import docs_figures
from tools.docs_figures import TABLES, pages, with_figures


@pytest.mark.parametrize("page", pages(REPO), ids=lambda page: page.relative_to(REPO).as_posix())
def test_a_page_has_the_figures_of_its_sources(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == with_figures(page, REPO), "run `make docs-figures`"


def test_every_table_stands_in_a_page_of_each_language() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in pages(REPO)}
    for name in TABLES:
        mark = f"<!-- figures: {name} -->"
        holders = [page for page, text in texts.items() if mark in text]
        assert any("ko" in page.relative_to(REPO).as_posix() for page in holders), name
        assert any("ko" not in page.relative_to(REPO).as_posix() for page in holders), name


def test_a_changed_source_changes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("reports/evaluate", "benchmarks/results", "docs"):
        shutil.copytree(REPO / folder, tmp_path / folder)
    shutil.copy(REPO / "README.md", tmp_path)
    metrics = tmp_path / docs_figures.EVALUATION
    changed = json.loads(metrics.read_text(encoding="utf-8"))
    changed["measures"]["near"]["asked"] = 12_345
    metrics.write_text(json.dumps(changed), encoding="utf-8")
    monkeypatch.setattr(docs_figures, "ROOT", tmp_path)
    page = tmp_path / "docs/quality.md"
    assert "/ 12345 |" in with_figures(page, tmp_path)
    assert "/ 12345 |" not in page.read_text(encoding="utf-8")
