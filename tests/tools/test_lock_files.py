"""The lock files hold exact versions that install everywhere, and nothing of the machine that made them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools import lock
from tools.environment import DEV_LOCK, LOCK, pins, plain_name

ROOT = Path(__file__).resolve().parents[2]
PLATFORMS = ("linux", "darwin", "win32")

both = pytest.mark.parametrize("name", [LOCK, DEV_LOCK])


def lines_of(name: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def required(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for, with those extras and the extras that they pull in."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    texts = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    found = []
    for requirement in map(Requirement, texts):
        found += required(*requirement.extras) if requirement.name == project["name"] else [requirement]
    return found


@both
def test_each_line_is_one_exact_version_without_hash_local_version_or_place(name: str) -> None:
    for line in lines_of(name):
        assert re.fullmatch(r'[a-z0-9-]+==[0-9][0-9a-z.]*( ; sys_platform == "(darwin|win32)")?', line), line


@both
def test_no_line_names_an_index_a_folder_or_a_file(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"(?m)--|://|^-|file:|@|(^|\s)/\w", text)


@both
def test_no_part_of_cuda_is_pinned(name: str) -> None:
    assert [line for line in lines_of(name) if re.match(r"nvidia|cuda|triton|pytorch-triton", line)] == []


@both
def test_no_package_stands_twice(name: str) -> None:
    for platform in PLATFORMS:
        holding = [line for line in lines_of(name) if ";" not in line or f'"{platform}"' in line]
        names = [line.split("==")[0] for line in holding]
        assert len(names) == len(set(names))


def test_the_held_versions_are_pinned() -> None:
    pinned = pins(ROOT / LOCK, "linux")
    assert pinned["torch"] == "2.13.0"
    assert pinned["dvc"].startswith("3.67.")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_dev_lock_stands_beside_the_other_without_conflict(platform: str) -> None:
    assert pins(ROOT / LOCK, platform).keys() & pins(ROOT / DEV_LOCK, platform).keys() == set()


@pytest.mark.parametrize(("extra", "locks"), [("pipeline", [LOCK]), ("dev", [LOCK, DEV_LOCK])])
def test_the_locks_meet_what_pyproject_asks_for(extra: str, locks: list[str]) -> None:
    pinned = {package: version for name in locks for package, version in pins(ROOT / name, "linux").items()}
    for requirement in required(extra):
        assert requirement.specifier.contains(pinned[plain_name(requirement.name)]), str(requirement)


def test_the_core_needs_no_torch_and_the_pipeline_does() -> None:
    assert "torch" not in {requirement.name for requirement in required()}
    assert "torch" in {requirement.name for requirement in required("pipeline")}


def test_the_project_itself_is_not_pinned() -> None:
    assert "tinychat" not in pins(ROOT / LOCK, "linux") | pins(ROOT / DEV_LOCK, "linux")


def test_what_installs_the_project_is_pinned() -> None:
    with open(ROOT / "pyproject.toml", "rb") as file:
        (needed,) = tomllib.load(file)["build-system"]["requires"]
    requirement = Requirement(needed)
    assert requirement.specifier.contains(pins(ROOT / LOCK, "linux")[requirement.name])


def test_what_only_windows_needs_is_pinned_for_windows_alone() -> None:
    assert "pywin32" in pins(ROOT / LOCK, "win32")
    assert "pywin32" not in pins(ROOT / LOCK, "linux") | pins(ROOT / LOCK, "darwin")


def test_of_a_compiled_file_only_plain_pins_remain() -> None:
    compiled = (
        "--find-links /somewhere\n\na==1.0\n    # via b\ntorch==2.13.0+cpu\nnvidia-nccl-cu12==2.0\n"
        "cuda-bindings==13.0\ntriton==3.0\ntritonclient==1.0\npip==26.0\npipdeptree==2.0  # via c\n"
        "# The following packages are considered to be unsafe in a requirements file:\nsetuptools==80.0\n"
    )
    kept = ["a==1.0", "torch==2.13.0", "tritonclient==1.0", "pipdeptree==2.0", "setuptools==80.0"]
    assert lock.pins_in(compiled) == kept


def test_requirements_of_another_platform_are_those_whose_marker_holds_there() -> None:
    packages = [
        {
            "requires_dist": [
                "everywhere>=1",
                'on-windows>=2; sys_platform == "win32"',
                'on-windows-too; platform_system == "Windows"',
                'with-an-extra; extra == "more" and sys_platform == "win32"',
                'on-old-pythons; python_version < "3.11"',
            ]
        },
        {},
    ]
    windows, _ = lock.OTHER_PLATFORMS["win32"]
    found = [requirement.name for requirement in lock.requirements_on(windows, packages)]
    assert found == ["everywhere", "on-windows", "on-windows-too"]
