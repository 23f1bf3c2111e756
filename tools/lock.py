"""Makes requirements.lock and requirements-dev.lock from pyproject.toml; pip-tools does the work.

    python -m tools.lock              pins that still fit stay (those for other platforms alone are looked up anew)
    python -m tools.lock --upgrade    every pin moves to its newest fitting version

Each line is `name==version`, where only one platform needs it followed by ` ; sys_platform == "…"`: the form that
tools/environment.py reads. No hashes, since pip leaves a CPU build of torch aside as soon as one is listed.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from tinychat.files import write_atomically
from tools.environment import DEV_LOCK, LOCK, NEEDED, ROOT, plain_name

# Versions that are held for a reason: the one that was measured, and the one whose behaviour the design was checked on.
HELD = ("torch==2.13.0", "dvc==3.67.*")

# A CUDA build of torch brings its parts by itself, and nobody else shall have them; pip comes with the environment.
LEFT_OUT = re.compile(r"(nvidia|cuda|triton|pytorch-triton)(-.+)?|pip")

# How the other platforms answer in environment markers, and whose wheels pip then looks for.
OTHER_PLATFORMS = {
    "win32": ({"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}, "win_amd64"),
    "darwin": (
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
        "macosx_14_0_arm64",
    ),
}

HEADER = """\
# Made by `make lock` from pyproject.toml: change that, not this.
# {what}
"""


def pins_in(text: str) -> list[str]:
    """The `name==version` lines of a compiled file, without local versions such as +cpu, less what is left out."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    pins = [re.sub(r"\+\S+", "", line) for line in lines if "==" in line]
    return [pin for pin in pins if not LEFT_OUT.fullmatch(name_of(pin))]


def name_of(pin: str) -> str:
    """The plain name in a lock line."""
    return plain_name(pin.split("==")[0])


def compile_pins(extra: str, folder: Path, previous: str, constraints: Iterable[str], upgrade: bool) -> list[str]:
    """What pip-compile pins for an extra of pyproject.toml on this platform."""
    held = folder / "constraints.txt"
    held.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8", newline="\n")
    output = folder / f"{extra}.txt"
    output.write_text(previous, encoding="utf-8", newline="\n")  # pip-compile keeps what it finds there
    command = [sys.executable, "-m", "piptools", "compile", "--quiet", "--extra", extra, "--constraint", str(held)]
    command += ["--output-file", str(output), "--no-header", "--no-annotate", "--no-emit-options", "--strip-extras"]
    command += ["--allow-unsafe", *(["--upgrade"] if upgrade else []), "pyproject.toml"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return pins_in(output.read_text(encoding="utf-8"))


def metadata_of(requirements: list[str], wheels_for: str | None = None) -> list[dict[str, Any]]:
    """The metadata of the packages that pip takes for `requirements`, here or as wheels for another platform."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "-qq", "--dry-run", "--ignore-installed", "--no-deps"]
        command += ["--report", str(report)]
        if wheels_for:
            command += ["--target", folder, "--only-binary", ":all:", "--platform", wheels_for]
        subprocess.run([*command, *requirements], check=True)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [package["metadata"] for package in found]


def requirements_on(marker_values: dict[str, str], packages: list[dict[str, Any]]) -> Iterator[Requirement]:
    """What `packages` require, extras aside, on the platform that answers with `marker_values`."""
    for package in packages:
        for text in package.get("requires_dist", []):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({**marker_values, "extra": ""}):
                yield requirement


def pins_for_other_platforms(pins: list[str], known: set[str]) -> list[str]:
    """The pins, with their marker, that `pins` need on a platform other than this, and `known` does not hold."""
    here = metadata_of(pins)
    found = []
    for platform, (marker_values, wheels_for) in OTHER_PLATFORMS.items():
        seen, packages = set(known), here
        while wanted := {
            name: f"{requirement.name}{requirement.specifier}"
            for requirement in requirements_on(marker_values, packages)
            if (name := plain_name(requirement.name)) not in seen and not LEFT_OUT.fullmatch(name)
        }:
            packages = metadata_of(list(wanted.values()), wheels_for)
            seen |= wanted.keys()
            found += [
                f'{plain_name(package["name"])}=={package["version"]} ; sys_platform == "{platform}"'
                for package in packages
            ]
    return found


def lock(extra: str, path: Path, what: str, beside: list[str], upgrade: bool) -> list[str]:
    """Write the lock file of an extra, less the lines of the lock `beside`; gives its lines."""
    previous = path.read_text(encoding="utf-8") if path.exists() else ""
    with tempfile.TemporaryDirectory() as folder:
        pins = compile_pins(extra, Path(folder), previous, [*HELD, *beside], upgrade)
    known = {name_of(line) for line in [*pins, *beside]}
    own = [pin for pin in pins if pin not in beside]
    lines = sorted([*own, *pins_for_other_platforms(own, known)])
    write_atomically(path, HEADER.format(what=what) + "".join(f"{line}\n" for line in lines))
    print(f"{path.name}: {len(lines)} packages")
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the lock files from pyproject.toml.")
    parser.add_argument("--upgrade", action="store_true", help="move every pin to its newest fitting version")
    options = parser.parse_args()
    if sys.version_info[:2] != NEEDED:
        # What is pinned on a newer Python may not exist for the oldest that tinychat promises to run on.
        oldest = "{}.{}".format(*NEEDED)
        sys.exit(f"error: the lock is made on Python {oldest}: run `make lock PYTHON=python{oldest}`")
    pipeline = lock("pipeline", ROOT / LOCK, "What `make repro` installs.", [], options.upgrade)
    lock("dev", ROOT / DEV_LOCK, f"What tests and linters need beside {LOCK}.", pipeline, options.upgrade)


if __name__ == "__main__":
    main()
