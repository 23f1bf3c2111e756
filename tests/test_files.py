import csv
import io
import math
from pathlib import Path

import pandas as pd
import pytest

from tinychat.files import (
    guard_formula,
    to_csv,
    to_json,
    undo_formula_guard,
    write_atomically,
    write_folder_atomically,
)


def test_a_failed_write_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write_folder_atomically(target, lambda folder: write_atomically(folder / "a", "old"))

    def fail(folder: Path) -> None:
        (folder / "a").write_text("half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_folder_atomically(target, fail)
    assert (target / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_new_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write_folder_atomically(target, lambda folder: (folder / "a").touch())
    write_folder_atomically(target, lambda folder: (folder / "b").touch())
    assert [path.name for path in target.iterdir()] == ["b"]


def test_not_a_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json({"loss": math.nan})


@pytest.mark.parametrize("text", ["=1+1", "+82 10", "-5", "@sum", "＝1", "'=1", "'", "\t=1", "안녕", "", "a=1", "1-1"])
def test_no_cell_can_run_as_a_formula_and_the_guard_comes_off(text: str) -> None:
    guarded = guard_formula(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    assert undo_formula_guard(guarded) == text


def test_pandas_reads_hangul_and_every_line_break(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cells = ["뷁 안녕", 'a "b", c', "두\n줄", "x\ry", "x\r\ny", "👨‍👩‍👧", "NA"]
    write_atomically(path, to_csv(["text"], [[cell] for cell in cells]))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert pd.read_csv(path, keep_default_na=False)["text"].tolist() == cells


def test_numbers_are_not_guarded() -> None:
    assert list(csv.reader(io.StringIO(to_csv(["n"], [[-1]], bom=False)))) == [["n"], ["-1"]]
