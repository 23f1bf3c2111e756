"""Files that are whole or not there at all: atomic writes, JSON, JSON Lines, CSV."""

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tinychat.errors import InputError

# What a spreadsheet may take for a formula (OWASP, CSV injection), wide forms included;
# and the mark itself, so that taking one mark off again is exact.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "'")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `content` beside `path`, flush it to the disk, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_folder_atomically(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into an empty folder beside `path`, then put that folder in the place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        fill(temporary)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
