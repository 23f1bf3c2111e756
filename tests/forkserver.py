"""A Python that starts at once: it is forked from a process that has imported torch, pandas, matplotlib and DVC.

Importing these is most of a short stage's time. `fast_python()` is a command to call instead of `sys.executable`. Each
call is a process of its own with its own folder, environment, streams and exit code, and loads the project's modules
anew. What a forked process cannot do, the command leaves to `sys.executable`: options of the interpreter, another
encoding, other settings of Python or of a library. `ForkedGroup` is for signals to a whole process group. Tests of
imports and of equal bytes on two machines call `sys.executable` themselves. test_forkserver.py compares both.

PYTEST_FORKSERVER=off: every call starts `sys.executable`.
"""

import atexit
import contextlib
import functools
import importlib
import logging
import os
import runpy
import select
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import colorama

FOLDER = "PYTEST_FORKSERVER"  # in the environment: the folder of the running server, for processes that pytest starts
# Imported before the fork.
PRELOADED = (
    "torch",
    "torch._dynamo",  # the first optimizer imports it
    "numpy.random",
    "pandas",
    "safetensors.torch",
    "safetensors.numpy",
    "tokenizers",
    "pydantic.main",
    "pydantic.types",
    "pydantic.functional_validators",
    "pydantic._internal._generate_schema",
    "yaml",
    "regex",
    "wcwidth",
    "rich.progress",
    "rich.console",
    "jinja2",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
    "psutil",
    "PIL.Image",
    "requests",
    "networkx",
    "dulwich.repo",
    "dulwich.porcelain",
    "pygit2",
    "scmrepo.git",
    "ruamel.yaml",
    "celery",
    "kombu.transport.filesystem",
    "dvc.cli.parser",
    "dvc.repo.reproduce",
    "dvc.repo.experiments.queue.celery",
    "dvc.repo.open_repo",
    "dvc.repo.index",
    "dvc.repo.plots",
    "dvc.repo.stage",
    "dvc.utils.strictyaml",
    "dvc.cachemgr",
    "dvc.data_cloud",
    "dvc_data.hashfile.db.local",
    "fsspec.implementations.memory",
)
# Python and the libraries read these variables when they start, so a forked process has those of the server.
READ_AT_START = ("PYTHON", "OMP_", "GOMP_", "MKL_", "OPENBLAS_", "KMP_", "LD_", "MALLOC_", "MPL")
# Exceptions: `become` applies the first four; an import of torch's sets the last, which only Intel's OpenMP reads.
SET_LATER = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONIOENCODING", "KMP_DUPLICATE_LIB_OK")
LOCALE = ("LC_ALL", "LC_CTYPE", "LANG")


def fast_python() -> str:
    """The path of the command. The first call starts the server, which ends with this process."""
    if os.environ.get(FOLDER) == "off" or sys.platform != "linux":
        return sys.executable
    return str(Path(os.environ.get(FOLDER) or start_server()) / "python")


@functools.cache
def start_server() -> str:
    """Start a server for this process and those that it starts; the folder of its command."""
    folder = tempfile.mkdtemp(prefix="forkserver")
    server = subprocess.Popen([sys.executable, __file__, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None and server.stdout is not None

    def stop(owner: int = os.getpid()) -> None:
        if os.getpid() == owner:
            server.communicate()  # closes its stdin, which ends it
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    assert server.stdout.readline() == b"ready\n"
    os.environ[FOLDER] = folder
    return folder


def fast_environment(folder: Path) -> Path:
    """A folder to be linked to as `.venv`: this environment, but its `python`, `dvc` and `tinychat` are forked."""
    real = Path(sys.prefix)
    commands = {"python": "", "dvc": " -m dvc", "tinychat": " -m tinychat"}
    (folder / "bin").mkdir(parents=True)
    for path in [*real.iterdir(), *(real / "bin").iterdir()]:
        if path.name != "bin" and path.name not in commands:
            (folder / path.relative_to(real)).symlink_to(path)
    for name, arguments in commands.items():
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nexec "{fast_python()}"{arguments} "$@"\n', encoding="utf-8")
        command.chmod(0o755)
    return folder


class ForkedGroup:
    """A forked Python that leads a process group of its own, to be used as a `subprocess.Popen` of text.

    The Pythons that it starts, by `python` on its PATH, are forked too and belong to its group.
    """

    def __init__(self, folder: Path, *arguments: str, cwd: Path, env: dict[str, str]) -> None:
        """`folder` comes from `group_folder()`; `python` on the PATH of `env` must be the one in it, or call it."""
        self._code: int | None = None
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.connect(str(Path(fast_python()).with_name("socket")))
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        self.stdout, self.stderr = open(out, encoding="utf-8"), open(err, encoding="utf-8")  # noqa: SIM115
        nothing = os.open(os.devnull, os.O_RDONLY)
        variables = [os.fsencode(f"{name}={value}") for name, value in env.items()]
        parts = [os.fsencode(folder), os.fsencode(cwd), str(len(arguments)).encode(), *map(os.fsencode, arguments)]
        body = b"\0".join([*parts, *variables])
        socket.send_fds(self._server, [len(body).to_bytes(8, "big")], [nothing, out_end, err_end])
        self._server.sendall(body)
        for stream in (nothing, out_end, err_end):
            os.close(stream)
        self._answers = self._server.makefile("r", encoding="utf-8")
        self.pid = int(self._answers.readline())

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self._code is None and select.select([self._server], [], [], 0)[0]:
            self._code = int(self._answers.readline())
        return self._code

    def wait(self, timeout: float = float("inf")) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a forked Python", timeout)
            select.select([self._server], [], [], 1)
        return code

    def kill(self) -> None:
        """Kill the process alone, not its group."""
        os.kill(self.pid, signal.SIGKILL)


def group_folder() -> Path:
    """A folder with the `python` of a group that is about to start."""
    folder = Path(tempfile.mkdtemp(prefix="group", dir=Path(fast_python()).parent))
    (folder / "python").symlink_to("../python")
    return folder


class Handler(socketserver.BaseRequestHandler):
    """One call, in a process forked for it."""

    server: "ForkServer"
    request: socket.socket

    def handle(self) -> None:
        """Fork once more and send the client the exit code; where the client was killed, kill that process."""
        self.server.socket.close()
        size, streams, _, _ = socket.recv_fds(self.request, 8, 3)
        body = self.request.makefile("rb").read(int.from_bytes(size, "big"))
        group, folder, count, *parts = body.split(b"\0")
        arguments = [os.fsdecode(part) for part in parts[: int(count)]]
        environment = dict(part.split(b"=", 1) for part in parts[int(count) :])
        if not can_be_forked(arguments, {os.fsdecode(n): os.fsdecode(v) for n, v in environment.items()}):
            return
        pid = os.fork()
        if pid == 0:
            self.request.close()
            if group:
                lead_group(Path(os.fsdecode(group)), streams)
            place = Path(os.fsdecode(group)) if group else Path(str(self.server.server_address)).parent
            become(folder, arguments, environment, streams, str(place / "python"))
        if group:
            self.request.sendall(f"{pid}\n".encode())
        for stream in streams:
            os.close(stream)
        ended = os.pidfd_open(pid)
        if ended not in select.select([ended, self.request], [], [])[0]:
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):
            self.request.sendall(str(code).encode())


class ForkServer(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Serves until stdin closes."""

    request_queue_size = 64

    def service_actions(self) -> None:
        super().service_actions()
        if select.select([sys.stdin], [], [], 0)[0]:
            os._exit(0)


class GroupServer(ForkServer):
    """Serves until the leader of the group and all that it started have ended."""

    def __init__(self, address: str, leader: int) -> None:
        super().__init__(address, Handler)
        self.leader = leader

    def service_actions(self) -> None:
        socketserver.ForkingMixIn.service_actions(self)
        if os.getppid() != self.leader and not self.active_children:
            os._exit(0)


def lead_group(folder: Path, streams: list[int]) -> None:
    """Let this process lead a new group, and another one in it serve the Pythons that the group starts."""
    os.setsid()
    server = GroupServer(str(folder / "socket"), os.getpid())
    if os.fork():
        server.socket.close()
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    for stream in streams:
        os.close(stream)
    server.serve_forever()


def read_at_start(environment: dict[str, str]) -> dict[str, str]:
    return {n: v for n, v in environment.items() if n.startswith(READ_AT_START) and n not in SET_LATER}


def locale_of(environment: dict[str, str]) -> str:
    return next((environment[name] for name in LOCALE if environment.get(name)), "C.UTF-8")


def can_be_forked(arguments: list[str], environment: dict[str, str]) -> bool:
    """Whether a forked process does the same as a new one."""
    return (
        (arguments[:1] in (["-m"], ["-c"]) or arguments[0].endswith(".py"))
        and read_at_start(environment) == read_at_start(dict(os.environ))
        and locale_of(environment).upper().endswith(("UTF-8", "UTF8"))
        and environment.get("PYTHONIOENCODING", "utf-8") == "utf-8"
    )


def become(
    folder: bytes, arguments: list[str], environment: dict[bytes, bytes], streams: list[int], python: str
) -> NoReturn:
    """Do in this process what `python ARGUMENTS` does in a new one."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # PEP 540 and 538: in the C locale, bytes that are not UTF-8 pass through.
    passes = locale_of(dict(os.environ)).startswith("C") and "PYTHONIOENCODING" not in os.environ
    errors = ("surrogateescape" if passes else "strict",) * 2 + ("backslashreplace",)
    earlier = sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = [
        open(number, mode, encoding="utf-8", errors=errors[number], closefd=False)  # noqa: SIM115
        for number, mode in enumerate(("r", "w", "w"))
    ]
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    if arguments[:2] in (["-m", "dvc"], ["-m", "tools.repro"]):  # they start Python, too
        sys.executable = python
    if arguments[:2] == ["-m", "dvc"]:  # its import, in the server, wrapped the earlier streams and logs to them
        colorama.init()
        for handler in (reference() for reference in logging._handlerList):
            if isinstance(handler, logging.StreamHandler) and handler.stream in earlier:
                handler.setStream((sys.stdout, sys.stderr)[earlier.index(handler.stream)])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    atexit._clear()
    code = run(arguments)
    with contextlib.suppress(BaseException):
        threading._shutdown()
    atexit._run_exitfuncs()
    for file in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            file.flush()
    os._exit(code)


def run(arguments: list[str]) -> int:
    """Run the program; its exit code."""
    kind, *rest = arguments
    importlib.invalidate_caches()
    try:
        if kind == "-m":
            sys.path.insert(0, str(Path.cwd()))
            sys.argv[:] = ["-m", *rest[1:]]
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        elif kind == "-c":
            sys.path.insert(0, "")
            sys.argv[:] = ["-c", *rest[1:]]
            main = sys.modules["__main__"] = ModuleType("__main__")
            exec(compile(rest[0], "<string>", "exec"), main.__dict__)
        else:
            sys.path.insert(0, str(Path(kind).resolve().parent))
            sys.argv[:] = arguments
            runpy.run_path(kind, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 255
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main(folder: Path) -> None:
    """Import, then serve."""
    sys.path.remove(str(Path(__file__).parent))
    client = Path(__file__).with_name("forkclient.py").read_text(encoding="utf-8")
    (folder / "python").write_text(f"#!{sys.executable} -ISs\n{client}", encoding="utf-8")
    (folder / "python").chmod(0o755)
    with ForkServer(str(folder / "socket"), Handler) as server:
        print("ready", flush=True)  # calls wait until the imports are done
        for name in PRELOADED:
            importlib.import_module(name)
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
