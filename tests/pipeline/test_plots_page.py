"""The page of `dvc plots`, which draws without a network."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.project import Project
from tools.plots_page import PAGE, SCRIPTS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


pytestmark = pytest.mark.slow


@pytest.fixture
def shown(project: Project) -> Path:
    """The page that `dvc plots show` writes."""
    project.dvc("plots", "show")
    return project.root / "dvc_plots/index.html"


def test_the_page_loads_nothing_and_has_the_scripts_that_dvc_names(repo: Path, shown: Path) -> None:
    html = shown.read_text(encoding="utf-8")
    assert not re.search(r"""<(script|link|img)[^>]*(src|href)=["']?https?:""", html)
    assert "vegaEmbed(" in html
    import dvc_render.vega

    named = dict(re.findall(r"npm/([\w-]+)@([\d.]+)", dvc_render.vega.VegaRenderer.SCRIPTS))
    assert named == SCRIPTS
    credit = re.findall(r"<!-- (.*?) -->", (repo / PAGE).read_text(encoding="utf-8"))[0]
    assert all(f"{package} {version}" in credit for package, version in SCRIPTS.items())


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_without_a_network_draws_the_loss_and_the_learning_rate(shown: Path, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --dump-dom"
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    profile, wait = f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000"
    ended = subprocess.run(
        [CHROMIUM, *flags.split(), offline, profile, wait, shown.as_uri()], capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 0, ended.stderr
    drawn = re.findall(r"<(?:canvas|svg)[^>]*\bmarks\b", ended.stdout)
    assert len(drawn) >= 2, json.dumps(ended.stderr[-500:])
