"""The lock files hold exact versions that install everywhere, and nothing of the machine that made them."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tools.wheels import make_wheel

ROOT = Path(__file__).resolve().parents[2]
LOCK, DEV_LOCK = "requirements.lock", "requirements-dev.lock"
PLATFORMS = ("linux", "darwin", "win32")

both = pytest.mark.parametrize("name", [LOCK, DEV_LOCK])


def description() -> dict[str, Any]:
    """pyproject.toml."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        return tomllib.load(file)


def lines_of(name: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def pins(name: str, platform: str) -> dict[str, str]:
    """Name and version of each line of a lock that holds on a platform, with the oldest Python."""
    values = {"sys_platform": platform, "python_version": "3.11", "python_full_version": "3.11.0"}
    held = [Requirement(line) for line in lines_of(name)]
    return {
        requirement.name: str(requirement.specifier).removeprefix("==")
        for requirement in held
        if requirement.marker is None or requirement.marker.evaluate(values)
    }


def required(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for, with those extras and the extras that they pull in."""
    project = description()["project"]
    texts = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    found = []
    for requirement in map(Requirement, texts):
        found += required(*requirement.extras) if requirement.name == project["name"] else [requirement]
    return found


@both
def test_each_line_is_one_exact_version_without_hash_local_version_or_place(name: str) -> None:
    for line in lines_of(name):
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [a-z_0-9 =<>!.'()]+)?", line, re.IGNORECASE), line


@both
def test_no_line_names_an_index_a_folder_or_a_file(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"(?m)--|://|^-|file:|@|(^|\s)/\w", text)


@both
def test_no_part_of_cuda_is_pinned(name: str) -> None:
    assert [line for line in lines_of(name) if re.match(r"nvidia|cuda|triton|pytorch-triton", line)] == []


@both
def test_no_package_stands_twice(name: str) -> None:
    names = [line.split("==")[0] for line in lines_of(name)]
    assert len(names) == len(set(names))


def test_the_held_versions_are_pinned() -> None:
    pinned = pins(LOCK, "linux")
    held = [Requirement(text) for text in description()["tool"]["uv"]["constraint-dependencies"]]
    assert {requirement.name for requirement in held} == {"torch", "dvc"}
    for requirement in held:
        assert requirement.specifier.contains(pinned[requirement.name]), str(requirement)


def test_the_dev_lock_holds_the_other_whole() -> None:
    assert set(lines_of(LOCK)) - set(lines_of(DEV_LOCK)) == set()


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(("extra", "name"), [("pipeline", LOCK), ("dev", DEV_LOCK)])
def test_the_locks_meet_what_pyproject_asks_for(extra: str, name: str, platform: str) -> None:
    pinned = pins(name, platform)
    for requirement in required(extra):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), str(requirement)


def test_the_core_needs_no_torch_and_the_pipeline_does() -> None:
    assert "torch" not in {requirement.name for requirement in required()}
    assert "torch" in {requirement.name for requirement in required("pipeline")}


def test_the_project_itself_is_not_pinned() -> None:
    assert "tinychat" not in pins(DEV_LOCK, "linux")


def test_what_installs_the_project_is_pinned() -> None:
    (needed,) = map(Requirement, description()["build-system"]["requires"])
    assert needed.specifier.contains(pins(LOCK, "linux")[needed.name])
    assert "uv" in pins(LOCK, "linux")


def test_what_only_windows_needs_is_pinned_for_windows_alone() -> None:
    assert "pywin32" in pins(LOCK, "win32")
    assert "pywin32" not in pins(LOCK, "linux") | pins(LOCK, "darwin")


def add_to_index(index: Path, name: str, version: str, *requires: str) -> None:
    """A wheel in a package index of the disk."""
    wheel = make_wheel(index / name, name.replace("-", "_"), version, *requires)
    with open(index / name / "index.html", "a", encoding="utf-8", newline="\n") as page:
        page.write(f'<a href="{wheel}">{wheel}</a>\n')


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.slow
def test_make_lock_keeps_what_fits_and_leaves_out_what_is_this_machines(tmp_path: Path) -> None:
    root, index, links = tmp_path / "project", tmp_path / "index", tmp_path / "links"
    (root / "tools").mkdir(parents=True)
    (root / ".venv").symlink_to(sys.prefix)
    for name in ("Makefile", "tools/uv.py"):
        shutil.copy(ROOT / name, root / name)
    pyproject = (
        '[project]\nname = "tinychat"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n[project.optional-dependencies]\n'
        'pipeline = ["torch", "onwindows; sys_platform == \'win32\'"]\ndev = ["fortests"]\n'
    )
    (root / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    add_to_index(index, "torch", "1.0+cpu", "nvidia-part; sys_platform == 'linux'", "tritonlike")
    for name in ("nvidia-part", "tritonlike", "onwindows", "fortests"):
        add_to_index(index, name, "1.0")
        add_to_index(index, name, "2.0")
    make_wheel(links, "torch", "9.0+cpu")  # this machine's own
    (root / LOCK).write_text("tritonlike==1.0\n", encoding="utf-8")
    (root / DEV_LOCK).write_text("", encoding="utf-8")

    def lock(*arguments: str) -> list[list[str]]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PIP_", "UV_"))}
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.as_uri(), "PIP_FIND_LINKS": str(links)}
        cache = {"UV_CACHE_DIR": str(tmp_path / "cache")}
        subprocess.run(["make", "lock", *arguments], cwd=root, env=kept | pip | cache, check=True)
        texts = [(root / name).read_text(encoding="utf-8") for name in (LOCK, DEV_LOCK)]
        assert [text.splitlines()[1].split() for text in texts] == [["#", "make", "lock"]] * 2
        return [[line for line in text.splitlines() if not line.startswith("#")] for text in texts]

    onwindows = "onwindows==2.0 ; sys_platform == 'win32'"
    assert lock() == [
        [onwindows, "torch==1.0", "tritonlike==1.0"],
        ["fortests==2.0", onwindows, "torch==1.0", "tritonlike==1.0"],
    ]
    assert lock("UPGRADE=--upgrade")[0] == [onwindows, "torch==1.0", "tritonlike==2.0"]
