import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stages.ingest import run
from tests.forkserver import fast_python
from tinychat.errors import InputError

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the repository's params and one small table, of which a part is held out."""
    params = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(re.sub(r"hold_out_from: \d+", "hold_out_from: 0", params), encoding="utf-8")
    raw = tmp_path / "data/raw"
    raw.mkdir(parents=True)
    rows = "".join(f"질문 {number}번,대답 {number}번\n" for number in range(100))
    (raw / "talk.csv").write_text(f"Q,A\n{rows}", encoding="utf-8")
    return tmp_path


def ingest(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m stages.ingest` in `root`."""
    return subprocess.run(
        [fast_python(), "-m", "stages.ingest"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def written(root: Path) -> dict[str, bytes]:
    folders = (root / "data/corpus", root / "data/overview", root / "reports")
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_stage_writes_three_splits_and_the_metrics_and_says_so(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(root)
    assert sorted(written(root)) == [
        "data/corpus/test.jsonl",
        "data/corpus/train.jsonl",
        "data/corpus/valid.jsonl",
        "data/overview/places.json",
        "data/overview/prompts.json",
        "data/overview/sources.json",
        "reports/corpus/metrics.json",
    ]
    metrics = json.loads((root / "reports/corpus/metrics.json").read_text(encoding="utf-8"))
    assert metrics["rows_kept"] == 100
    printed = capsys.readouterr().out
    assert "corpus: 100 rows read, 100 kept, 0 dropped" in printed
    assert f"train {metrics['splits']['train']['dialogues']}, valid " in printed


@pytest.mark.slow
def test_a_process_writes_the_same_bytes_whatever_pythons_hash_seed(root: Path) -> None:
    outputs = []
    for seed in ("1", "2"):
        assert ingest(root, PYTHONHASHSEED=seed).returncode == 0
        outputs.append(written(root))
    assert outputs[0] == outputs[1]


def test_a_wrong_file_ends_the_stage_with_code_2_one_message_and_nothing_written(root: Path) -> None:
    (root / "data/raw/broken.csv").write_text('Q,A\n"열린,응\n', encoding="utf-8")
    ended = ingest(root)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: data/raw/broken.csv:2: a quote is opened in the row that begins here")
    assert "Traceback" not in ended.stderr
    assert written(root) == {}


def test_params_are_checked_as_a_whole_before_anything_is_read(root: Path) -> None:
    params = root / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("n_heads: 8", "n_heads: 7"), encoding="utf-8")
    (root / "data/raw/talk.csv").unlink()
    with pytest.raises(InputError, match="n_heads is 7"):
        run(root)


def test_neither_torch_nor_pandas_is_imported(root: Path) -> None:
    code = "import sys, stages.ingest; stages.ingest.run(); print(sorted({'torch', 'pandas'} & set(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert ended.stdout.splitlines()[-1] == "[]"


def test_what_ingest_prints_is_obeyed_by_no_terminal(root: Path) -> None:
    raw = root / "data/raw"
    (raw / "talk.csv").unlink()
    (raw / "\x1b]0;name\x07.csv").write_text(
        "\x1b[2JQ,질문,A,\x9b5m\n" + "".join(f"가,질문 {n},대답 {n},나\n" for n in range(30)), encoding="utf-8"
    )
    shown = ingest(root)
    assert shown.returncode == 0, shown.stderr
    assert "␛]0;name␇.csv: qa_table" in shown.stdout
    assert not set("\x1b\x07\x9b") & set(shown.stdout + shown.stderr)
    (raw / "\x1b]0;name\x07.csv").write_text("\x1b[2J질문,\x9b5m\n가,나\n", encoding="utf-8")
    refused = ingest(root)
    assert refused.returncode == 2
    assert "␛]0;name␇.csv: no question column. Found: ␛[2J질문, \ufffd5m." in refused.stderr
