"""`make repro`: checks params.yaml, runs `dvc repro`, and says what to do with the results.

    python -m tools.repro

Before that, it removes entries from dvc.lock that would keep DVC from finding earlier results. Where a stage's deps
match dvc.lock, DVC looks only for the outs in dvc.lock. After `git checkout .` these may be the outs of the machine
that made the commit; the model that was trained here would be trained again, although DVC's run cache has it. Without
an entry in dvc.lock, DVC looks into its run cache.
"""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage.cache import _get_cache_hash
from dvc.stage.serialize import to_single_stage_lockfile
from dvc.utils.serialize import modify_yaml

from tinychat.errors import InputError
from tinychat.language.choosing import choose_language, words_of
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import check
from tinychat.params.memory import check_memory
from tinychat.printing import say

SUMMARY = "reports/summary.html"
PAGE = "outputs/tinychat.html"


def is_lost_but_made_here(stage: Any) -> bool:
    """Whether DVC lacks the outs of a stage in dvc.lock, but its run cache has a run with the deps in dvc.lock."""
    locked = stage.cmd and all(item.hash_info for item in [*stage.deps, *stage.outs])
    if not locked or stage.outs_cached() or not stage.changed_outs():
        return False
    key = _get_cache_hash(to_single_stage_lockfile(stage), key=True)
    return Path(stage.repo.stage_cache.cache_dir, key[:2], key).is_dir()


def forget_lost_outs() -> None:
    """Remove the entries of such stages from the dvc.lock of the current folder."""
    try:
        with Repo() as repo, repo.lock:
            lost = [stage.name for stage in repo.index.stages if is_lost_but_made_here(stage)]
            if lost:
                with modify_yaml("dvc.lock") as lock:
                    for name in lost:
                        del lock["stages"][name]
    except DvcException:
        return  # `dvc repro` reports the same


def restore_order() -> None:
    """Sort the stages in the dvc.lock of the current folder as in dvc.yaml: DVC writes one that had no entry last,
    which git would show as a change.
    """
    try:
        order, found = (
            list(yaml.safe_load(Path(name).read_text(encoding="utf-8"))["stages"]) for name in ("dvc.yaml", "dvc.lock")
        )
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return  # missing or damaged, which DVC has reported
    wanted = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
    if found == wanted:
        return
    try:
        with Repo() as repo, repo.lock, modify_yaml("dvc.lock") as lock:
            stages = dict(lock["stages"])
            for name in wanted:  # removed and inserted again at the end
                del lock["stages"][name]
                lock["stages"][name] = stages[name]
    except DvcException:
        return  # another DVC holds the lock


def repro() -> int:
    """Run `dvc repro`; its exit code. Ctrl-C is left to DVC."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # if ignored (in the background), DVC inherits that
        signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.Popen([sys.executable, "-m", "dvc", "repro"]).wait()


def trains() -> bool:
    """Whether the stage train would run."""
    with Repo() as repo:
        return bool(repo.status(["train"], with_deps=True))


def run() -> None:
    """All of it, in the current folder; ends the process with DVC's exit code where that is not 0."""
    params, words = check(Path()), words_of(choose_language())
    try:
        check_memory(params)
    except InputError:
        if trains():  # else the model exists already
            raise
    forget_lost_outs()
    code = repro()
    restore_order()
    if code:
        sys.exit(code)
    tinychat = Path(sys.executable).with_name("tinychat")
    shown = tinychat.relative_to(Path.cwd()) if tinychat.is_relative_to(Path.cwd()) else tinychat
    say(f"\n{words('next', command=f'{shown} chat', page=PAGE, summary=SUMMARY)}")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
