"""The figures in the documents are those of their sources."""

import json
import re
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


def test_the_pages_say_of_the_hundred_sentences_what_replies_md_says() -> None:
    def figures(page: str, pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, " ".join((REPO / page).read_text(encoding="utf-8").split()))
        assert found, page
        return found.groups()

    judged = figures("docs/replies.md", r"(\d+) replies fit, (\d+) say that the model has not .* and (\d+) are wrong;")
    assert sum(int(n) for n in judged) == 100
    assert figures("README.md", r"\((\d+) fit, (\d+) say that it has not learnt this, (\d+) miss\)") == judged
    assert figures("README.ko.md", r"\((\d+)개가 알맞고, (\d+)개는 모른다고 하고, (\d+)개는 빗나갑니다\)") == judged
    assert figures("docs/quality.md", r"(\d+) get a fitting reply, (\d+) the reply .* and (\d+) a wrong one") == judged
    assert figures("docs/ko/quality.md", r"(\d+)개에는 알맞게 .*?(\d+)개에는 모른.*?(\d+)개에는 엉뚱") == judged


@pytest.mark.parametrize(
    ("readme", "pattern"), [("README.md", r"phrasings instead of (\d+)%"), ("README.ko.md", r"표현의 (\d+)%가 아니라")]
)
def test_the_readme_says_how_many_new_phrasings_the_committed_run_understands(readme: str, pattern: str) -> None:
    measured = json.loads((REPO / docs_figures.EVALUATION).read_text(encoding="utf-8"))["measures"]["near"]["accepted"]
    found = re.search(pattern, (REPO / readme).read_text(encoding="utf-8"))
    assert found
    assert found[1] == f"{100 * measured:.0f}"


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
