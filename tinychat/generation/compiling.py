"""Compiles a C file with the machine's own compiler, once, and caches the library.

The library is in `__pycache__` next to the source, or in the user's cache folder. Its name holds digests of source,
flags and processor, of the compiler, and of its own bytes: a truncated library, or one for another processor, would
crash the process, and is never loaded.
"""

import ctypes
import hashlib
import os
import shlex
import shutil
import signal
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path

from tinychat.errors import Phrase
from tinychat.files import temporary_folder, write_atomically

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-std=c11", "-fopenmp-simd", "-fno-math-errno", "-ffp-contract=fast", "-shared", "-fPIC")
PROCESSOR_FLAGS = ("-march=native", "-mcpu=native")  # the second for compilers that refuse the first
LIBRARIES = ("-lm",)
COMMAND = (FLAGS, PROCESSOR_FLAGS, LIBRARIES)
TIMEOUT = 60.0  # seconds
# Keys of /proc/cpuinfo, on x86 and ARM.
CPUINFO_KEYS = ("vendor_id", "cpu family", "model", "flags", "CPU implementer", "CPU part", "Features")
# macOS has /usr/bin/cc even without a compiler: starting it opens a window that offers to install one.
APPLE_COMPILERS = ("/Library/Developer/CommandLineTools", "/Applications/Xcode.app")

_lock = threading.Lock()


class NotCompiled(Exception):
    """There is no library; the message is a Phrase on the reason."""

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(Phrase(template, **values))


def load_compiled(source: Path) -> ctypes.CDLL:
    """The library of a C file, from the cache or newly compiled. No process is started where it is cached.

    Raises NotCompiled where there is no compiler, it fails, or its library cannot be kept or loaded.
    """
    if sys.platform == "win32":
        raise NotCompiled("on Windows nothing is compiled yet")
    with _lock:
        compiler = find_compiler()
        name = f"{source.stem}-{_digest(source.read_bytes(), repr(COMMAND).encode(), _processor())}-"
        if compiler:  # without one, a library of any compiler is taken
            name += f"{_identity(compiler)}-"
        folders = _folders(source)
        library = _load(_cached(folders, name))
        if library:
            return library
        if not compiler:
            raise _no_compiler_error()
        writable = [folder for folder in folders if _may_write(folder)]
        if not writable:
            raise NotCompiled(
                "none of the folders to keep it in may be written: {folders}", folders=", ".join(map(str, folders))
            )
        compiled = _compile(compiler, source)
        library = _load(_store(writable, f"{name}{_digest(compiled)}.so", compiled))
        if library:
            return library
        raise NotCompiled("it could not be written into {folders}", folders=" or ".join(map(str, writable)))


def find_compiler() -> list[str]:
    """The command of the C compiler, CC's or the first that is found, with its full path; empty where there is none.

    No process is started.
    """
    asked = _compiler_in_cc()
    for command in [asked] if asked else [[name] for name in COMPILERS]:
        path = shutil.which(command[0])
        if path and not _is_apple_stub(path):
            return [str(Path(path).absolute()), *command[1:]]
    return []


def _compiler_in_cc() -> list[str]:
    """The words of CC: a command and its options, if any."""
    asked = os.environ.get("CC", "")
    try:
        return shlex.split(asked)
    except ValueError:  # an unmatched quotation mark
        return [asked]


def _is_apple_stub(path: str) -> bool:
    there = any(map(os.path.isdir, APPLE_COMPILERS))
    return sys.platform == "darwin" and path.startswith("/usr/bin/") and not there


def _no_compiler_error() -> NotCompiled:
    asked = _compiler_in_cc()
    if asked:
        return NotCompiled("CC names {command}, which is not found", command=asked[0])
    return NotCompiled("there is no C compiler: none of {commands} is found", commands=", ".join(COMPILERS))


def _digest(*parts: bytes) -> str:
    return hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest()


def _identity(compiler: list[str]) -> str:
    """Changes when the compiler is updated."""
    status = Path(compiler[0]).stat()
    return _digest(repr((compiler, status.st_size, status.st_mtime_ns)).encode())


def _processor() -> bytes:
    """The processor and its features; without /proc/cpuinfo, the machine's name."""
    system = os.uname()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = [line for line in takewhile(str.strip, file) if line.split(":")[0].strip() in CPUINFO_KEYS]
    except OSError:
        lines = []
    return repr((sys.platform, system.machine, sys.maxsize, lines or system.nodename)).encode()


def _folders(source: Path) -> list[Path]:
    """The cache folders: next to the source, and the user's cache folder."""
    folders = [source.parent / "__pycache__"]
    asked = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        cache = asked if asked.is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # no home folder
        return folders
    return [*folders, cache / "tinychat"]


def _is_trusted(folder: Path) -> bool:
    """Whether only this user and root can write there: what is loaded from it is executed."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and _is_ours(status) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_ours(status: os.stat_result) -> bool:
    """Whether it belongs to this user, or to root, who could do anything here anyway."""
    return status.st_uid in (os.geteuid(), 0)


def _may_write(folder: Path) -> bool:
    """Whether a library can be kept there; the folder is made where it is missing."""
    mode = 0o755 if folder.name == "__pycache__" else 0o700  # others read what Python compiles
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError:
        return False
    return _is_trusted(folder) and os.access(folder, os.W_OK | os.X_OK)


def _cached(folders: Iterable[Path], name: str) -> Iterator[Path]:
    """The intact libraries whose names begin with `name`."""
    for folder in filter(_is_trusted, folders):
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            continue
        yield from (path for path in paths if path.name.startswith(name) and _is_intact(path))


def _store(folders: Iterable[Path], name: str, library: bytes) -> Iterator[Path]:
    """Write the library into one folder after the other, as long as the caller iterates."""
    for folder in folders:
        try:
            write_atomically(folder / name, library)
        except OSError:  # no room
            continue
        if _is_intact(folder / name):
            yield folder / name


def _is_intact(path: Path) -> bool:
    """Whether it is a regular file of ours whose bytes match the digest in its name."""
    try:
        status = path.lstat()
        if path.suffix != ".so" or not stat.S_ISREG(status.st_mode) or not _is_ours(status):
            return False
        return path.stem.endswith(f"-{_digest(path.read_bytes())}")
    except OSError:
        return False


def _load(paths: Iterable[Path]) -> ctypes.CDLL | None:
    """The first that can be loaded; None where there are none. Raises NotCompiled where none can be loaded: compiling
    again would not help.
    """
    faults = []
    for path in paths:
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:
            faults.append(str(error))
    if faults:
        raise NotCompiled("the compiled library cannot be loaded: {fault}", fault=faults[0])
    return None


def _compile(compiler: list[str], source: Path) -> bytes:
    """The library. Raises NotCompiled where the compiler fails."""
    faults = []
    try:
        with temporary_folder() as temporary:
            for flag in PROCESSOR_FLAGS:
                library = temporary / "library.so"
                command = [*compiler, *FLAGS, flag, str(source), "-o", str(library), *LIBRARIES]
                fault = _run(command, temporary / "errors")
                if not fault:
                    return library.read_bytes()
                faults.append(fault)
    except OSError as error:
        raise NotCompiled("{command} cannot be used: {error}", command=compiler[0], error=error) from None
    raise NotCompiled("{command} failed: {fault}", command=compiler[0], fault=faults[0])


def _run(command: list[str], errors: Path) -> str:
    """A short error message; empty where the command succeeds. Raises NotCompiled where it takes too long."""
    import subprocess

    # A session of its own, so that its children can be killed with it; a file, since a pipe would wait for them.
    with (
        open(errors, "wb") as file,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        ) as process,
    ):
        try:
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise NotCompiled("{command} took longer than {seconds:g} s", command=command[0], seconds=TIMEOUT) from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    if not code:
        return ""
    lines = errors.read_text(encoding="utf-8", errors="replace").splitlines()
    message = next((line for line in lines if "error" in line.lower()), lines[0] if lines else f"exit code {code}")
    return " ".join(message.split())[:100]
