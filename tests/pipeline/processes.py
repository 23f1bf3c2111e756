"""Commands that are watched while they run, and stopped; nothing that a test starts outlives it, orphans included."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

import psutil
import yaml

from tests.forkserver import ForkedGroup, fast_python, group_folder
from tests.pipeline import moments
from tests.pipeline.moments import Moment
from tests.pipeline.project import Project, Ran, files_below, path_with, ran

T = TypeVar("T")

REPRO = (sys.executable, "-m", "dvc", "repro")
MAKE_REPRO = (sys.executable, "-m", "tools.repro")  # what `make repro` runs
TRAINS = Moment("stages.train", "step 10")  # a model is being trained

PATIENCE = 600.0  # seconds until a test gives up waiting: only a hanging test ever sees them


class Watched:
    """A command that runs in a process group of its own; what it prints is read all the time, in threads."""

    def __init__(self, process: subprocess.Popen[str] | ForkedGroup) -> None:
        self.process = process
        self._lines: list[str] = []
        self._seen = 0
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (process.stdout, process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()

    @property
    def printed(self) -> str:
        """All so far, of both streams, as it came."""
        with self._news:
            return "".join(self._lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The next line that the pattern occurs in, of those that were not looked at yet."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with self._news:
                while self._seen < len(self._lines):
                    self._seen += 1
                    if found := re.search(pattern, self._lines[self._seen - 1]):
                        return found
                ended = not any(reader.is_alive() for reader in self._readers)
                if not ended:
                    self._news.wait(0.05)
            if ended and self._seen == len(self._lines):
                break
        raise AssertionError(f"no line with {pattern!r} came\n{self.printed}")

    def stopped(self) -> psutil.Process:
        """The process of the stage that waits at its moment, as soon as it does; `resume()` lets it go on."""
        return wait_until(self._stopped)

    def _stopped(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if child.status() == psutil.STATUS_STOPPED:
                        return child
        assert self.process.poll() is None, f"it ended before the moment came\n{self.printed}"
        return None

    def send(self, number: int) -> None:
        """Send a signal to the whole group, as a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def die(self) -> int:
        """Kill the whole group and wait until none of it runs: one that waits for a disk takes its time to die."""
        self.send(signal.SIGKILL)
        code = self.end()
        wait_until(self._is_gone)
        return code

    def _is_gone(self) -> bool:
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getpgid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    return False
        return True

    def end(self) -> int:
        """Wait for the end; the exit code."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end\n{self.printed}") from None
        for reader in self._readers:
            reader.join(0.5)  # an orphan may hold the other end of the pipe
        return code


@contextlib.contextmanager
def watch(project: Project, *command: str, moment: Moment | None = None) -> Iterator[Watched]:
    """Start a Python in the project and watch it; what is left of its process group is killed at the end.

    At the `moment` of a stage, that stage stops and waits (`Watched.stopped`), or does what the moment says. The
    Pythons are forked, except where the moment is an import, which a forked one may have behind it.
    """
    fork = fast_python() != sys.executable and not (moment and "import" in moment.at)
    watched = Watched(
        fork_group(project, *command[1:], moment=moment) if fork else start(project, *command, moment=moment)
    )
    try:
        yield watched
    finally:
        watched.send(signal.SIGKILL)
        watched.end()


def start(project: Project, *command: str, moment: Moment | None) -> subprocess.Popen[str]:
    # A test run in the background ignores Ctrl-C, and what it starts would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        settings = moment.settings(project.root.parent / "moment") if moment else {}
        return project.start(*command, **settings)
    finally:
        signal.signal(signal.SIGINT, before)


def fork_group(project: Project, *arguments: str, moment: Moment | None) -> ForkedGroup:
    folder = group_folder()
    environment = project.environment() | {"PATH": path_with(str(folder / "python"))}
    if moment:
        environment |= moment.settings(folder / "moment", str(folder / "python"))
        arguments = (moments.__file__, *arguments)
    return ForkedGroup(folder, *arguments, cwd=project.root, env=environment)


def wait_until(ask: Callable[..., T | None], *arguments: object) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := ask(*arguments):
            return answer
        time.sleep(0.005)
    raise AssertionError(f"in vain: {ask.__name__}{arguments}")


def litter(project: Project) -> list[Path]:
    """What killed stages left beside their outs; DVC's own temporary files have no process id in their name."""
    return [path for path in project.root.rglob(".*.tmp") if re.fullmatch(r"\..+\.\d+\.tmp", path.name)]


def snapshot_every(seconds: float, project: Project) -> None:
    """Let the project's training save a snapshot so often, instead of once a minute."""
    path = project.root / "tinychat/training/loop.py"
    text, count = re.subn(r"(?<=^SECONDS_BETWEEN_SNAPSHOTS = ).*", str(seconds), path.read_text("utf-8"), flags=re.M)
    assert count == 1
    path.write_text(text, encoding="utf-8")


def outs_of(project: Project, stage: str) -> list[str]:
    lock = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))
    return [out["path"] for out in lock["stages"][stage]["outs"]]


def remove(project: Project, outs: list[str]) -> None:
    for path in (project.root / out for out in outs):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def forget(project: Project, stage: str) -> None:
    """As if the stage had never run: no outs, nothing in dvc.lock, nothing in DVC's run cache."""
    remove(project, outs_of(project, stage))
    path = project.root / "dvc.lock"
    lock = yaml.safe_load(path.read_text(encoding="utf-8"))
    del lock["stages"][stage]
    path.write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")
    for record in files_below(project.root / ".dvc/cache/runs"):
        if record.exists() and f"stages.{stage}\n" in record.read_text(encoding="utf-8"):
            shutil.rmtree(record.parent)  # DVC stumbles over an empty folder


def repro_or_mend(project: Project, *arguments: str) -> Ran:
    """`dvc repro`, and what a person does where DVC was stopped while it wrote a file of its own: remove that file."""
    again = project.end(*REPRO, *arguments)
    if again.returncode == 0:
        return ran(again.stdout)
    for name in (".dvc/tmp/rwlock", "dvc.lock"):
        (project.root / name).unlink(missing_ok=True)
    return project.repro(*arguments)
