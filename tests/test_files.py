import csv
import io
import math
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tinychat.files import (
    guard_formula,
    to_csv,
    to_json,
    undo_formula_guard,
    write_atomically,
    write_folder_atomically,
    write_together,
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


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_outs_that_are_written_together_are_all_there(tmp_path: Path) -> None:
    for text in ("old", "new"):
        fill = partial(write_text, text)
        write_together(
            {tmp_path / "out": fill, tmp_path / "reports/metrics.json": f"{text} numbers", tmp_path / "b": b"x"}
        )
        assert contents(tmp_path) == {"a": text, "metrics.json": f"{text} numbers", "b": "x"}


def write_text(text: str, folder: Path) -> None:
    (folder / "a").write_text(text)


@pytest.mark.parametrize(
    "place", ["file/in a file", "folder"], ids=["where no file can be", "where a folder lies that cannot be replaced"]
)
@pytest.mark.parametrize("first", [True, False])
def test_where_one_out_cannot_be_written_the_others_stay_as_they_were(tmp_path: Path, place: str, first: bool) -> None:
    (tmp_path / "folder/inside").mkdir(parents=True)
    (tmp_path / "file").touch()
    write_folder_atomically(tmp_path / "out", partial(write_text, "old"))
    before = sorted(tmp_path.rglob("*"))
    outs: list[tuple[Path, Any]] = [(tmp_path / place, "numbers"), (tmp_path / "out", partial(write_text, "new"))]
    with pytest.raises(OSError, match=place.split("/")[0]):
        write_together(dict(outs if first else reversed(outs)))
    assert (tmp_path / "out/a").read_text() == "old"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_does_not_take_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(NotADirectoryError, match="out"):
        write_together({tmp_path / "metrics.json": "numbers", tmp_path / "out": partial(write_text, "new")})
    assert contents(tmp_path) == {"out": "a file"}


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
