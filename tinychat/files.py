"""Files that are whole or not there at all: atomic writes, JSON, JSON Lines, CSV."""

import csv
import errno
import io
import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tinychat.errors import FULL_DISK, InputError

# What a spreadsheet may take for a formula (OWASP, CSV injection), wide forms included;
# and the mark itself, so that taking one mark off again is exact.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "'")


def write_together(outs: Mapping[Path, str | bytes | Callable[[Path], None]]) -> None:
    """Write each out beside its place, flushed to the disk, then rename all into place: where one fails, none is there.

    Text or bytes make a file; a function fills an empty folder, which takes the place of the one that lies there.
    Only a kill between two renames can leave some outs new and others old.
    """
    with ExitStack() as stack:
        ready = [
            (path, _write_beside(path, content, stack.enter_context(_beside(path)))) for path, content in outs.items()
        ]
        for path, new in ready:
            if new.is_dir() and path.is_dir():
                # By rename too: whoever is killed while removing it leaves nothing half-removed under its name.
                path.replace(new.with_name("old"))
            new.replace(path)


def _write_beside(path: Path, content: str | bytes | Callable[[Path], None], temporary: Path) -> Path:
    """What is to be renamed to `path`. Raises OSError also for what the rename would refuse."""
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
    """Write a file, whole or not at all."""
    write_together({path: content})


def write_folder_atomically(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into an empty folder, then put that folder in the place of `path`."""
    write_together({path: fill})


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A free name beside `path` for what is not whole yet; what lies there at the end is removed.

    So is what killed processes left beside `path`. An OSError names `path`, not what lies beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    for left in path.parent.glob(".*.tmp"):
        found = re.fullmatch(rf"\.{re.escape(path.name)}\.(\d{{1,9}})\.tmp", left.name)
        if left == temporary or (found and not _is_alive(int(found[1]))):
            _remove(left)
    try:
        yield temporary
    except OSError as error:
        # write() names no file, and nobody knows the temporary one.
        if error.errno and (error.filename is None or str(error.filename).startswith(str(temporary))):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        _remove(temporary)


def _is_alive(pid: int) -> bool:
    """Whether a process may still write; one that ended and that nobody waited for (a zombie) does not.

    In a container the first process may leave zombies for ever.
    """
    if sys.platform == "win32":
        return True  # nothing harmless asks there: os.kill would send Ctrl-C
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # no Linux, or a process that others may not see
    # proc(5): the state follows the name, which may itself hold brackets; X is dead, Z a zombie.
    return status[status.rindex(")") + 2] not in "XZ"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """While this context lasts, a full disk's error, which names no file, names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            error.filename = str(path)
        raise


KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


def refuse_irregular(path: Path, at_most: int | None = None) -> None:
    """Raise InputError where `path` is no file, or is one of more than `at_most` bytes; a link is followed.

    To open a pipe, or to read a device, may never end. Raises OSError where nothing is there.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_one, name in KINDS if is_one(found.st_mode)), "a device")
        raise InputError(f"{path}: this is {kind}; a file is needed")
    if at_most is not None and found.st_size > at_most:
        raise InputError(f"{path}: {found.st_size:,} bytes are too many; at most {at_most:,} are read")


def read_regular(path: Path, at_most: int) -> bytes:
    """The content of a file that somebody else may have written. Raises as `refuse_irregular` does."""
    refuse_irregular(path, at_most)
    return path.read_bytes()


def to_json(data: Any) -> str:
    """`data` as readable JSON with a last newline; NaN and infinity raise ValueError."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def rounded(value: float) -> float:
    """A measure as it is published: four significant digits, so that tables of it can be read."""
    return float(f"{value:.4g}")


def write_json(path: Path, data: Any) -> None:
    """Write `data` as JSON, whole or not at all."""
    write_atomically(path, to_json(data))


def read_json(path: Path) -> Any:
    """The content of a JSON file that a stage of this pipeline wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def to_json_lines(rows: Iterable[Any]) -> str:
    """One compact JSON value a line."""
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def read_json_lines(path: Path) -> Iterator[Any]:
    """The values of a JSON Lines file that a stage of this pipeline wrote, one by one.

    Raises InputError where there is no such file.
    """
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            for line in file:
                yield json.loads(line)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `make repro` makes it") from None


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], *, bom: bool = True) -> str:
    """A CSV table that spreadsheets open with Hangul intact and without running any cell.

    A text cell that begins like a formula gets a leading `'` (see `undo_formula_guard`).
    """
    buffer = io.StringIO(newline="")
    # All text is quoted: Python's csv leaves a lone carriage return bare, and readers take it for the end of a row.
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
