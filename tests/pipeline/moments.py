"""Python, as DVC calls it, that sends itself a signal at a chosen moment: tests need not be quick enough for it.

`Moment.settings` puts it into a command's environment as `python`; processes.py waits for what it does.
"""

import atexit
import json
import os
import runpy
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

CHANGES = {f"os.{call}" for call in ("rename", "remove", "mkdir", "rmdir", "link", "symlink", "chmod", "truncate")}
CHANGES |= {"subprocess.Popen", "shutil.copyfile"}


@dataclass(frozen=True)
class Moment:
    """A moment of `python -m MODULE`, and what happens then.

    at      "import NAME": that module is about to be loaded; "write 3": something on the disk is about to change for
            the third time, or another process to be started; "step 10": training is about to take this step;
            "validation 2": it is about to compute the second batch of a validation.
            Several, with commas between: at each of them
    signal  what is sent; SIGSTOP, by default, waits for the test
    group   whether the whole process group gets it, DVC included
    count   the file in which the number of such writes stands at the end
    """

    module: str
    at: str = ""
    signal: int = signal.SIGSTOP
    group: bool = False
    count: str = ""

    def settings(self, folder: Path, python: str = sys.executable) -> dict[str, str]:
        """The environment in which `python` is this file, run by `python`; `folder` is for the command."""
        command = folder / "python"
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\nexec "{python}" "{__file__}" "$@"\n', encoding="utf-8")
        bin_folder = str(Path(sys.executable).parent)
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        return {
            "PATH": os.pathsep.join([str(folder), bin_folder, os.environ["PATH"]]),
            "MOMENT": json.dumps(asdict(self)),
        }


def main() -> None:
    """Do as `python -m MODULE …` does, and what the moment says."""
    moment = Moment(**json.loads(os.environ["MOMENT"]))
    option, module = sys.argv[1:3]
    if option != "-m":
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    sys.path[0] = str(Path.cwd())
    if module == moment.module:
        sys.dont_write_bytecode = True  # so that each run has the same events
        for at in filter(None, moment.at.split(",")):
            kind, which = at.split()
            ARMED[kind](moment, which)
        if moment.count:
            count_writes(Path(moment.count))
    del sys.argv[1:3]
    sys.argv[0] = "-m"  # as while Python looks for the module
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def strike(moment: Moment) -> None:
    (os.killpg if moment.group else os.kill)(os.getpgid(0) if moment.group else os.getpid(), moment.signal)


def at_import(moment: Moment, name: str) -> None:
    waiting = [name]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "import" and waiting and arguments[0] == waiting[0]:
            waiting.clear()
            strike(moment)

    sys.addaudithook(hook)


def at_write(moment: Moment, number: str) -> None:
    left = int(number)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        left -= changes_something(event, arguments)
        if left == 0:
            left = -1
            strike(moment)

    sys.addaudithook(hook)


def count_writes(file: Path) -> None:
    writes = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal writes
        writes += changes_something(event, arguments)

    sys.addaudithook(hook)
    atexit.register(lambda: file.write_text(str(writes), encoding="utf-8"))


def changes_something(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether an audit event of Python is one after which the disk, or what runs, is not as it was."""
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    return event in CHANGES


def at_step(moment: Moment, number: str) -> None:
    from tinychat.training.loop import Trainer

    _before(Trainer, "_step", lambda trainer: trainer.progress.step + 1 == int(number), moment)


def at_validation(moment: Moment, number: str) -> None:
    from tinychat.training.loop import Trainer

    batches = iter(range(int(number) - 1, -1, -1))
    _before(Trainer, "_stop_if_requested", lambda trainer: not trainer.model.training and next(batches, 1) == 0, moment)


def _before(kind: type, method: str, holds: Callable[..., bool], moment: Moment) -> None:
    """Let the moment be just before a call of a method for which `holds` is true."""
    original = getattr(kind, method)

    def called(self: object, *arguments: object) -> object:
        if holds(self):
            strike(moment)
        return original(self, *arguments)

    setattr(kind, method, called)


ARMED = {"import": at_import, "write": at_write, "step": at_step, "validation": at_validation}

if __name__ == "__main__":
    main()
