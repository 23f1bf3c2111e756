import ast
import csv
import shutil
from pathlib import Path

import pandas as pd
import pytest

from stages import export_csv
from tinychat.errors import InputError
from tinychat.files import to_json_lines, undo_formula_guard, write_atomically

REPLIES = [
    {"input": "안녕", "output": "뷁, 반가워요", "token_ids": [5, 6], "n_tokens": 2, "finish_reason": "stop"},
    {"input": "=1+1", "output": "+82 10", "token_ids": [7], "n_tokens": 1, "finish_reason": "stop"},
    {"input": "@sum", "output": "-5", "token_ids": [], "n_tokens": 0, "finish_reason": "length"},
    {"input": "두\n줄", "output": "NA", "token_ids": [1], "n_tokens": 1, "finish_reason": "stop"},
]


@pytest.fixture
def table(tmp_path: Path, repo: Path) -> Path:
    shutil.copy(repo / "params.yaml", tmp_path)
    write_atomically(tmp_path / export_csv.REPLIES, to_json_lines(REPLIES))
    export_csv.run(tmp_path)
    return tmp_path / export_csv.TABLE


def test_pandas_reads_back_what_was_said(table: Path) -> None:
    frame = pd.read_csv(table, keep_default_na=False)
    assert list(frame.columns) == ["input", "output", "token_ids", "n_tokens", "finish_reason"]
    assert [undo_formula_guard(text) for text in frame["output"]] == [reply["output"] for reply in REPLIES]
    assert [ast.literal_eval(ids) for ids in frame["token_ids"]] == [reply["token_ids"] for reply in REPLIES]
    assert frame["n_tokens"].tolist() == [2, 1, 0, 1]


def test_a_spreadsheet_sees_utf_8_and_no_formula(table: Path) -> None:
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")
    with open(table, encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_replies_that_are_not_there_are_named(tmp_path: Path, repo: Path) -> None:
    shutil.copy(repo / "params.yaml", tmp_path)
    with pytest.raises(InputError, match=r"generated_dialogue\.jsonl: no such file; `make repro` makes it"):
        export_csv.run(tmp_path)
    assert not (tmp_path / export_csv.TABLE).exists()
