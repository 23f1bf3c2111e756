"""The committed script and styles of the page are made of the sources in web/."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest


def test_the_script_names_the_sources_that_it_was_made_of(repo: Path) -> None:
    web = repo / "web"
    sources = sorted(path.relative_to(web).as_posix() for path in (web / "src").rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in ("build.js", "package-lock.json", *sources):
        content = (web / path).read_bytes()
        digest.update(f"{path}\n{len(content)}\n".encode() + content)
    with open(repo / "tinychat/page/assets/page.js", encoding="utf-8") as file:
        assert file.readline() == f"/* web/ {digest.hexdigest()} */\n", "web/ has changed; run: make page-assets"


@pytest.mark.slow
def test_made_anew_script_and_styles_are_the_same(repo: Path) -> None:
    node = shutil.which("node")
    if node is None or not (repo / "web/node_modules/esbuild").is_dir():
        pytest.skip("node and the packages of web/ are not installed; make page-assets does it")
    ended = subprocess.run([node, "build.js", "--check"], cwd=repo / "web", capture_output=True, encoding="utf-8")
    assert (ended.returncode, ended.stderr) == (0, "")
