"""Checks that dvc.lock agrees with dvc.yaml and with the files in git: what `make check` runs.

    python -m tools.check_pipeline

It needs neither DVC's cache nor the outputs, so it works on a fresh clone. `dvc status` is not enough: it reports
every missing output, and does not see what was removed from dvc.yaml. A folder is compared by the files in git: private
dialogues in data/raw are no fault, but a dvc.lock made with them is one, since nobody else can reproduce it.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage
from dvc.utils.serialize import load_yaml

from tools import import_closure

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_BYTES = 1024 * 1024  # bytes
RUN_AGAIN = "run `make repro` and commit dvc.lock"
# DVC does not see what is gone from dvc.yaml.
FORCE = "`make repro` does not see that: run `dvc repro -f -s {stage}` with .venv activated, and commit dvc.lock"

# Instead of the hash of a file that is missing.
GONE = "gone"


@dataclass(frozen=True)
class Project:
    """dvc.yaml's stages as DVC reads them, dvc.lock's, and the files that git tracks."""

    root: Path
    repo: Any
    stages: list[Any]
    lock: Mapping[str, Any]
    tracked: frozenset[str]

    def locked(self, stage: str, key: str) -> dict[str, str | None]:
        """Path and hash of a stage's deps or outs in dvc.lock."""
        entries = self.lock.get(stage, {}).get(key, [])
        return {entry["path"]: entry.get("md5") for entry in entries}

    def locked_outs(self) -> dict[str, str | None]:
        """Path and hash of every out in dvc.lock."""
        return {path: md5 for stage in self.lock for path, md5 in self.locked(stage, "outs").items()}

    def tracked_at(self, path: str) -> list[str]:
        """The files in git that are `path` or lie below it."""
        return sorted(file for file in self.tracked if file == path or file.startswith(f"{path}/"))


def load(root: Path) -> Project:
    """Read dvc.yaml, dvc.lock and git's list of files.

    Raises DvcException for an invalid dvc.yaml, FileNotFoundError where one of the two is missing.
    """
    for name in ("dvc.yaml", "dvc.lock"):
        if not (root / name).is_file():
            raise FileNotFoundError(name)
    repo = Repo(str(root))
    stages = [stage for stage in repo.index.stages if isinstance(stage, PipelineStage)]
    lock = load_yaml(root / "dvc.lock")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, encoding="utf-8")
    return Project(root, repo, stages, lock["stages"], frozenset(listed.stdout.split("\0")) - {""})


def md5(data: bytes) -> str:
    """DVC's hash of content."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def hash_in_git(project: Project, path: str) -> str | None:
    """DVC's hash of a file or folder as in git; None where git has nothing there.

    A folder's hash is that of a list, as JSON, of its files and their hashes. A file tracked by `dvc add` is not in
    git itself, but its FILE.dvc is, which has its hash.
    """
    full = project.root / path
    if path in project.tracked:
        return md5(full.read_bytes()) if full.is_file() else GONE
    files = project.tracked_at(path)
    if not files:
        return None
    hashes = {}
    for file in files:
        full = project.root / file
        if project.repo.dvcignore.is_ignored_file(str(full)) or not full.is_file():
            continue
        hashes[file] = md5(full.read_bytes())
        if full.suffix == ".dvc":
            for out in load_yaml(full)["outs"]:
                hashes[f"{file.rpartition('/')[0]}/{out['path']}"] = out["md5"]
    entries = [{"md5": hashes[file], "relpath": file.removeprefix(f"{path}/")} for file in sorted(hashes)]
    return md5(json.dumps(entries).encode()) + ".dir"


def differences(stage: Any, what: str, in_yaml: Iterable[str], in_lock: Iterable[str]) -> Iterator[str]:
    """Entries of a stage that are in only one of dvc.yaml and dvc.lock."""
    named, locked = set(in_yaml), set(in_lock)
    for path in sorted(named - locked):
        yield f"{what} {path} is in dvc.yaml but not in dvc.lock: {RUN_AGAIN}"
    for path in sorted(locked - named):
        yield f"{what} {path} is in dvc.lock but no longer in dvc.yaml: {FORCE.format(stage=stage.name)}"


def param_faults(project: Project, stage: Any) -> Iterator[str]:
    """Params whose value in dvc.lock is not the one in the params file."""
    locked = project.lock[stage.name].get("params", {})
    dependencies = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    yield from differences(stage, "the params file", [dep.def_path for dep in dependencies], locked)
    for dep in dependencies:
        now, then = dep.read_params(), locked.get(dep.def_path, {})
        yield from differences(stage, "the param", dep.params or now, then)
        for key in sorted(set(dep.params or now) & set(then)):
            if key not in now:
                yield f"the param {key} is not in {dep.def_path}: put it back or take it out of dvc.yaml"
            elif now[key] != then[key]:
                for name, old, new in changed_values(key, then[key], now[key]):
                    yield f"the param {name} is {new!r} in {dep.def_path} but {old!r} in dvc.lock: {RUN_AGAIN}"


def changed_values(name: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The dotted keys below `name` whose values differ, each with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from changed_values(f"{name}.{key}", old.get(key), new.get(key))
    elif old != new:
        yield name, old, new


def dep_faults(project: Project, stage: Any) -> Iterator[str]:
    """Deps whose hash in dvc.lock differs from git, or from the stage that makes them."""
    locked, outs = project.locked(stage.name, "deps"), project.locked_outs()
    made = {out.def_path for other in project.stages for out in other.outs}
    paths = [dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    yield from differences(stage, "the dep", paths, locked)
    for path in paths:
        inside = [out for out in made if path.startswith(f"{out}/") or out.startswith(f"{path}/")]
        expected = outs.get(path) if path in made else hash_in_git(project, path)
        if inside:
            yield f"the dep {path} is not an out itself: name {', '.join(sorted(inside))} in dvc.yaml"
        elif path in made and path in locked and locked[path] != expected:
            yield f"the dep {path} in dvc.lock is not what the stage that makes it has there: {RUN_AGAIN}"
        elif path not in made and expected is None:
            yield f"the dep {path} is neither in git nor an out of a stage: `git add {path}` or correct dvc.yaml"
        elif path not in made and path in locked and locked[path] != expected:
            alone = ", with no file in it that git does not have" if str(expected).endswith(".dir") else ""
            yield f"the dep {path} differs between git and dvc.lock: {RUN_AGAIN}{alone}"


def out_faults(project: Project, stage: Any) -> Iterator[str]:
    """Outs that are in git but should not be, or the reverse, or that differ from dvc.lock."""
    locked = project.locked(stage.name, "outs")
    yield from differences(stage, "the out", [out.def_path for out in stage.outs], locked)
    for out in stage.outs:
        path = out.def_path
        if out.use_cache:
            if project.tracked_at(path):
                yield f"the out {path} is in git: `git rm -r --cached {path}`, and list it in .gitignore"
            elif not project.repo.scm.is_ignored(str(project.root / path)):
                yield f"the out {path} is not ignored by git: list /{path} in .gitignore"
        elif (found := hash_in_git(project, path)) is None:
            yield f"{path} is not in git, as a metric or plot should be: `git add {path}`"
        elif path in locked and locked[path] != found:
            yield f"{path} differs between git and dvc.lock: {RUN_AGAIN}, and {path} with it"


def stage_faults(project: Project, stage: Any) -> Iterator[str]:
    """All that is wrong with one stage."""
    if stage.name not in project.lock:
        yield f"it is not in dvc.lock: {RUN_AGAIN}"
        return
    if stage.cmd != project.lock[stage.name]["cmd"]:
        yield f"its cmd in dvc.yaml is not the one in dvc.lock: {RUN_AGAIN}"
    yield from param_faults(project, stage)
    yield from dep_faults(project, stage)
    yield from out_faults(project, stage)


def file_faults(project: Project) -> Iterator[str]:
    """Files that are too large for git."""
    for file in sorted(project.tracked):
        path = project.root / file
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            size = path.stat().st_size / MAX_FILE_BYTES
            yield f"git: {file} has {size:.1f} MB, more than 1: leave it to DVC, or make it smaller"


def faults(root: Path) -> list[str]:
    """All faults, one line each, with the stage, the path or key, and what to do."""
    try:
        project = load(root)
    except FileNotFoundError as missing:
        return [f"{missing} is missing: {RUN_AGAIN}"]
    except DvcException as error:
        return [f"dvc.yaml cannot be read: {error}"]
    names = {stage.name for stage in project.stages}
    lines = [f"{stage.name}: {line}" for stage in project.stages for line in stage_faults(project, stage)]
    lines += [
        f"{name}: it is in dvc.lock but not in dvc.yaml: remove its lines from dvc.lock"
        for name in project.lock
        if name not in names
    ]
    return [*lines, *file_faults(project), *import_closure.faults(root)]


def main() -> None:
    """The command line."""
    lines = faults(ROOT)
    if lines:
        print("\n".join(lines))
        sys.exit(1)
    print("dvc.lock agrees with dvc.yaml and with the files in git.")


if __name__ == "__main__":
    main()
