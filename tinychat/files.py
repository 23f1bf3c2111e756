"""Atomic writes, JSON, JSON Lines, CSV; and the errors for damaged files."""

import csv
import errno
import io
import json
import math
import os
import re
import shutil
import stat
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn, TypeVar

from tinychat.errors import FULL_DISK, FaultError, InputError, Phrase, text_of

T = TypeVar("T")

# Beginnings that a spreadsheet may take for a formula (OWASP, CSV injection), full-width forms included; and the guard
# itself, so that removing it is exact.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "'")
TEMPORARY_FOLDER = re.compile(r"tinychat-(\d{1,9})-\w+")  # the number is the id of a process
SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")  # in a JSON text; may be a lone surrogate


def temporary_file(owner: object, folder: Path | None) -> IO[bytes]:
    """A file without a name, in `folder` or the system's. It is closed at the latest when its owner is gone.

    A finalizer does it, not `__del__`: in a cycle of garbage a file may be finalized before the object that holds it.
    """
    file = TemporaryFile(dir=folder)  # noqa: SIM115 (it outlives this function)
    weakref.finalize(owner, _close_unread, file)
    return file


def _close_unread(file: IO[bytes]) -> None:
    """Close a file that nobody reads any more: on a full disk what it still buffers is lost, and not needed."""
    with suppress(OSError):
        file.close()


Content = str | bytes | Callable[[Path], None]


def write_together(outs: Mapping[Path, Content]) -> None:
    """Write each out to a temporary name, flushed to the disk, then rename all: if one fails, none is written.

    Text or bytes make a file; a function fills an empty folder, which replaces an existing one.
    Only a kill between two renames can leave some outs new and others old.
    """
    write_in_order(outs.items())


def write_in_order(outs: Iterable[tuple[Path, Content]]) -> None:
    """`write_together`, where the content of an out may be known only once the one before it is written."""
    with ExitStack() as stack:
        ready = [
            (path, _write_temporary(path, content, stack.enter_context(_temporary_name(path))))
            for path, content in outs
        ]
        for path, new in ready:
            if new.is_dir() and path.is_dir():
                # By rename too, so that a kill never leaves a half-removed folder under this name.
                path.replace(new.with_name("old"))
            new.replace(path)


def _write_temporary(path: Path, content: Content, temporary: Path) -> Path:
    """The temporary file or folder to be renamed to `path`. Raises OSError where the rename would fail."""
    if callable(content):
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        new = temporary / "new"
        new.mkdir(parents=True)
        content(new)
        return new
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with open(temporary, "wb") as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file, or leave the existing one if that fails."""
    write_together({path: content})


def write_folder_atomically(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into an empty folder, then replace `path` with it."""
    write_together({path: fill})


@contextmanager
def _temporary_name(path: Path) -> Iterator[Path]:
    """A temporary name next to `path`, which is removed at the end.

    Leftovers of killed processes next to `path` are removed too. An OSError names `path`, not the temporary name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    for left in path.parent.glob(".*.tmp"):
        found = re.fullmatch(rf"\.{re.escape(path.name)}\.(\d{{1,9}})\.tmp", left.name)
        if left == temporary or (found and not is_alive(int(found[1]))):
            _remove(left)
    try:
        yield temporary
    except OSError as error:
        # write() names no file, and a person does not know the temporary one.
        if error.errno and (error.filename is None or str(error.filename).startswith(str(temporary))):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        _remove(temporary)


def is_alive(pid: int) -> bool:
    """Whether a process is running; a zombie is not.

    In a container the first process may never reap zombies.
    """
    if sys.platform == "win32":
        return True  # os.kill would send Ctrl-C
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # not Linux, or a hidden process
    # proc(5): the state follows the name, which may itself hold brackets; X is dead, Z a zombie.
    return status[status.rindex(")") + 2] not in "XZ"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder in the system's folder for temporary files, which is removed at the end.

    Those that this user's killed processes left there are removed too.
    """
    import tempfile  # seldom needed

    for left in Path(tempfile.gettempdir()).glob("tinychat-*"):
        found = TEMPORARY_FOLDER.fullmatch(left.name)
        with suppress(OSError):
            if found and not is_alive(int(found[1])) and _is_own_folder(left):
                shutil.rmtree(left, ignore_errors=True)
    prefix = f"tinychat-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)


def _is_own_folder(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def add_path_to_disk_full_error(path: Path) -> Iterator[None]:
    """Within this context, the OSError of a full disk, which names no file, names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            error.filename = str(path)
        raise


NOT_A_FILE = (
    (stat.S_ISDIR, "{path}: this is a folder; a file is needed"),
    (stat.S_ISFIFO, "{path}: this is a pipe; a file is needed"),
    (stat.S_ISSOCK, "{path}: this is a socket; a file is needed"),
    (lambda mode: not stat.S_ISREG(mode), "{path}: this is a device; a file is needed"),
)


def refuse_irregular(path: Path, max_bytes: int | None = None) -> None:
    """Raise InputError where `path` is no regular file, or larger than `max_bytes` bytes; links are followed.

    Opening a pipe or reading a device may block for ever. Raises OSError where nothing is there.
    """
    found = path.stat()
    for is_one, template in NOT_A_FILE:
        if is_one(found.st_mode):
            raise InputError(template, path=path)
    if max_bytes is not None and found.st_size > max_bytes:
        raise InputError(
            "{path}: {size:,} bytes are too many; at most {maximum:,} are read",
            path=path,
            size=found.st_size,
            maximum=max_bytes,
        )


def read_regular(path: Path, max_bytes: int) -> bytes:
    """The content of an untrusted file. Raises as `refuse_irregular` does."""
    refuse_irregular(path, max_bytes)
    return path.read_bytes()


def to_json(data: Any) -> str:
    """`data` as readable JSON with a last newline; NaN and infinity raise ValueError."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def rounded(value: float) -> float:
    """A measure with four significant digits, for readable tables."""
    return float(f"{value:.4g}")


def write_json(path: Path, data: Any) -> None:
    """Write `data` as JSON, atomically."""
    write_atomically(path, to_json(data))


def _refuse_constant(name: str) -> NoReturn:
    raise FaultError("{name} is not a number", name=name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise FaultError("{text} is too large a number", text=text)
    return number


DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)  # json.loads would build one each time
LINE_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Any:
    """The value of a JSON text.

    Raises ValueError for invalid JSON, NaN, infinity and lone surrogates; RecursionError where it is nested too deep.
    """
    value = DECODER.decode(text)
    if SURROGATE_ESCAPE.search(text):
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises what `from_json` does."""
    return from_json(path.read_text(encoding="utf-8"))


@contextmanager
def reading(path: Path, stage: str) -> Iterator[None]:
    """Within this context, a ValueError while reading `path`, which `stage` writes, becomes an InputError.

    Only regular files are opened: reading a pipe may block for ever.
    """
    if not path.exists():
        raise InputError("{path}: no such file; `make repro` makes it (stage {stage})", path=path, stage=stage)
    if not path.is_file():
        raise InputError(
            "{path}: is not a file; remove it, then `dvc repro --force {stage}` writes it again", path=path, stage=stage
        )
    try:
        yield
    except RecursionError:
        raise damaged(path, Phrase("nested too deep"), stage) from None
    except (ValueError, csv.Error) as error:
        raise damaged(path, text_of(error), stage) from None


def damaged(place: Path | str, fault: str, stage: str) -> InputError:
    """The error for a file, or a line of it, that `stage` cannot have written like this."""
    fault = fault if isinstance(fault, Phrase) else " ".join(fault.split())
    return InputError(
        "{place}: damaged, {fault}; `dvc repro --force {stage}` writes it again", place=place, fault=fault, stage=stage
    )


def to_json_lines(rows: Iterable[Any]) -> str:
    """One compact JSON value per line."""
    return "".join(LINE_ENCODER.encode(row) + "\n" for row in rows)


def read_json_lines(path: Path, stage: str, parse: Callable[[Any, str], T]) -> Iterator[T]:
    """`parse(value, "FILE:LINE")` of each value of a JSON Lines file that `stage` wrote.

    Raises InputError where there is no such file, or a line is damaged: no JSON, or `parse` raises ValueError.
    """
    with reading(path, stage), open(path, encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            yield parse_json_line(line, f"{path}:{number}", stage, parse)


def parse_json_line(line: str, place: str, stage: str, parse: Callable[[Any, str], T]) -> T:
    """`parse(value, place)` of the value of a line that `stage` wrote. Raises InputError where it is damaged."""
    try:
        return parse(from_json(line), place)
    except RecursionError:
        raise damaged(place, Phrase("nested too deep"), stage) from None
    except ValueError as error:
        raise damaged(place, text_of(error), stage) from None


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], *, bom: bool = True) -> str:
    """A CSV table that spreadsheets open with Hangul intact and without evaluating any cell.

    A text cell that begins like a formula gets a leading `'` (see `undo_formula_guard`).
    """
    buffer = io.StringIO(newline="")
    # All text is quoted: Python's csv does not quote a lone carriage return, which readers take for the end of a row.
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(header)
    for row in rows:
        writer.writerow([guard_formula(cell) if isinstance(cell, str) else cell for cell in row])
    return ("\ufeff" if bom else "") + buffer.getvalue()


def guard_formula(text: str) -> str:
    """`text` such that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def undo_formula_guard(text: str) -> str:
    """The text as it was before `guard_formula`."""
    return text[1:] if text.startswith("'") else text
