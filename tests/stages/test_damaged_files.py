"""A damaged file between two stages: the one that reads it goes on, or says in one line what to run again."""

import copy
import importlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import BaseModel

from stages import summarize
from tests.batches.arrays import write_split
from tests.forkserver import fast_python
from tinychat.batches.prepared import FILES, PreparedSplit, open_split
from tinychat.corpus.dialogue import read_corpus
from tinychat.errors import InputError
from tinychat.files import read_json, write_json
from tinychat.report.formats import LayerReport, Training
from tinychat.report.inputs import METRICS, Reports, read_reports
from tinychat.report.view import build_view
from tinychat.report.words import words_of
from tinychat.schemas import validate

REPO = Path(__file__).parents[2]
SMALL: dict[str, dict[str, Any]] = {
    "corpus": {"shares": {"train": 0.6, "valid": 0.2, "test": 0.2}},
    "vocab": {"max_size": 300},
    "model": {"embed_dim": 16, "n_layers": 1, "n_heads": 2, "ffn_dim": 16, "max_len": 64},
    "train": {"epochs": 2, "warmup_steps": 0},
    "generate": {"prompts": ["안녕", "잘 자"], "max_tokens": 4},
    "analyze": {"prompts": ["안녕"]},
}
STAGES = ("ingest", "build_vocab", "prepare_data", "train", "evaluate", "generate", "export_csv", "analyze_layers")
ARRAYS = [f"data/prepared/{split}.{array}.npy" for split in ("train", "valid") for array in FILES.values()]
REPLIES, TABLE = "outputs/generated_dialogue.jsonl", "outputs/generated_dialogue.csv"
JSON: dict[str, tuple[str, type[BaseModel]]] = {
    **{f"reports/{name}/metrics.json": read for name, read in METRICS.items()},
    "models/dialogue/training.json": ("train", Training),
    "reports/layers/layers.json": ("analyze_layers", LayerReport),
}
OF_PAGE = {REPLIES: "generate", "reports/train/history.csv": "train", "reports/summary.json": "summarize"}
COPIED_TEXT = {
    "text": "안녕",
    "has_copying_head": True,
    "layer": 0,
    "name": "decoder_layers.0",
    "head": 1,
    "weight": 0.9,
    "sources": [{"role": "user", "weights": [0.9]}],
    "layers": [{"layer": 0, "name": "decoder_layers.0", "head": 1, "weight": 0.9}],
}
# The files that are read, the stage that does, and the one that wrote them.
READ = [
    *((f"data/corpus/{split}.jsonl", "prepare_data", "ingest") for split in ("train", "valid", "test")),
    *(("data/corpus/train.jsonl", reader, "ingest") for reader in ("build_vocab", "evaluate")),
    ("data/corpus/test.jsonl", "evaluate", "ingest"),
    ("data/overview/sources.json", "summarize", "ingest"),
    ("data/overview/places.json", "summarize", "ingest"),
    *((file, "train", "prepare_data") for file in ARRAYS),
    (REPLIES, "export_csv", "generate"),
    (REPLIES, "summarize", "generate"),
    (TABLE, "summarize", "export_csv"),
    ("reports/train/history.csv", "summarize", "train"),
    *((file, "build_page", writer) for file, writer in OF_PAGE.items()),
    ("reports/layers/norms-1.svg", "summarize", "analyze_layers"),
    *((file, "summarize", writer) for file, (writer, _) in JSON.items()),
]
WHOLE = "9" * 400
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut in the middle": lambda data: data[: len(data) // 2],
    "without its last bytes": lambda data: data[:-3],
    "garbage": lambda data: bytes(range(256)) * 4,
    "zeros": lambda data: bytes(500),
    "not UTF-8": lambda data: b"\xff" + data,
    "not UTF-8 within": lambda data: data[:-9] + b"\xff" + data[-9:],
    "deep": lambda data: b"[" * 100_000,
    **{
        text[:9]: lambda data, text=text: f"{text}\n".encode()  # type: ignore[misc]
        for text in ("null", "3", '"x"', "[]", "{}", "[{}]", "NaN", "1e999", WHOLE, WHOLE * 20, r'"\ud83d"')
    },
}
# A file that is cut at the end of a line, or within a number, looks whole; a split that holds nothing out is empty.
MAY_LOOK_WHOLE = ("cut in the middle", "without its last bytes")
MAY_BE_EMPTY = ("data/corpus/valid.jsonl", "data/corpus/test.jsonl")
WRONG: list[Any] = [None, True, -1, 10**30, 1e300, "글", [], [None], {}, {"x": 1}]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which all stages but build_page have run; for reading only."""
    root = tmp_path_factory.mktemp("finished")
    params = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
    for section, values in SMALL.items():
        params[section] |= values
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (root / "data/raw").mkdir(parents=True)
    rows = "".join(f"안녕 {n}번,반가워요 {n}번\n" for n in range(30))
    (root / "data/raw/talk.csv").write_text(f"Q,A\n{rows}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"TINYCHAT_DEVICE": "cpu", "TINYCHAT_PRECISION": "fp32", "TINYCHAT_THREADS": "1"}.items():
            patch.setenv(name, value)
        patch.delenv("DVC_ROOT", raising=False)
        for stage in STAGES:
            importlib.import_module(f"stages.{stage}").run(root)
        report = read_json(root / "reports/layers/layers.json")
        report["sentences"][0]["copied_text"] = COPIED_TEXT
        write_json(root / "reports/layers/layers.json", report)
        shutil.copy(root / "reports/layers/norms-1.svg", root / "reports/layers/copied_text-1.svg")
        summarize.run(root)
        yield root


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "project")


def error_message(project: Path, reader: str, file: str, writer: str) -> str:
    """What the stage says of the damaged file; empty where it takes it. Any other exception is a failure."""
    try:
        importlib.import_module(f"stages.{reader}").run(project)
    except InputError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert str(project / file) in message
        assert f"`dvc repro --force {writer}`" in message
        return message
    return ""


@pytest.mark.slow
@pytest.mark.parametrize(("file", "reader", "writer"), READ)
def test_a_damaged_file_is_named_with_what_to_run(project: Path, file: str, reader: str, writer: str) -> None:
    path = project / file
    whole = path.read_bytes()
    for name, damage in DAMAGES.items():
        path.write_bytes(damage(whole))
        message = error_message(project, reader, file, writer)
        assert message or name in MAY_LOOK_WHOLE or (name == "empty" and file in MAY_BE_EMPTY), name


@pytest.mark.slow
@pytest.mark.parametrize(("file", "reader", "writer"), READ)
def test_a_folder_in_its_place_is_named(project: Path, file: str, reader: str, writer: str) -> None:
    (project / file).unlink()
    (project / file).mkdir()
    assert "is not a file; remove it" in error_message(project, reader, file, writer)


PIPES = """
import importlib, os, sys
from pathlib import Path
from tinychat.errors import InputError

for path, reader in zip(sys.argv[1::2], sys.argv[2::2]):
    os.rename(path, f"{path}.whole")
    os.mkfifo(path)
    try:
        importlib.import_module(f"stages.{reader}").run(Path())
    except InputError as error:
        print(error)
    os.replace(f"{path}.whole", path)
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.slow
def test_a_pipe_in_its_place_is_not_waited_for(project: Path) -> None:
    pairs = [word for file, reader, _ in READ for word in (file, reader)]
    ended = subprocess.run(
        [sys.executable, "-c", PIPES, *pairs],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(REPO), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    expected = [f"{file}: is not a file; remove it, then `dvc repro --force {writer}`" for file, _, writer in READ]
    assert [line.removesuffix(" writes it again") for line in ended.stdout.splitlines()] == expected


def test_the_person_sees_one_line(project: Path) -> None:
    (project / "reports/train/metrics.json").write_text('{"train_loss": ', encoding="utf-8")
    ended = subprocess.run(
        [fast_python(), "-m", "stages.summarize"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(REPO), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: reports/train/metrics.json: damaged, ")
    assert ended.stderr.endswith("; `dvc repro --force train` writes it again\n")
    assert ended.stderr.count("\n") == 1


def damaged_values(whole: Any) -> Iterator[tuple[str, Any]]:
    """Copies of a JSON value in which one value within it is wrong or missing, and where; of a list the first only."""

    def places(value: Any, path: list[Any]) -> Iterator[list[Any]]:
        items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
        for key, below in items:
            yield [*path, key]
            yield from places(below, [*path, key])

    for *above, last in places(whole, []):
        for wrong in (*WRONG, KeyError):
            damaged = copy.deepcopy(whole)
            parent = damaged
            for key in above:
                parent = parent[key]
            if wrong is KeyError:
                del parent[last]
            else:
                parent[last] = wrong
            yield f"{'.'.join(map(str, [*above, last]))}: {wrong!r:.20}", damaged


def show(reports: Reports) -> None:
    """All of the summary that is made of the numbers."""
    for language in ("ko", "en"):
        build_view(reports, words_of(language), language)


@pytest.mark.slow
@pytest.mark.parametrize("file", JSON)
def test_a_wrong_value_in_a_report_is_told_or_shown(finished: Path, file: str) -> None:
    """What `check` lets pass can be shown."""
    folders = {
        "reports": finished / "reports",
        "overview": finished / "data/overview",
        "model": finished / "models/dialogue",
    }
    reports = read_reports(**folders, table=finished / TABLE, replies=finished / REPLIES)
    refused = 0
    for place, data in damaged_values(read_json(finished / file)):
        try:
            validate(data, JSON[file][1])
        except ValueError as error:
            assert len(str(error).splitlines()) == 1
            refused += 1
            continue
        try:
            show(with_data(reports, file, data))
        except Exception as error:
            pytest.fail(f"{place}: {error!r}")
    assert refused > 20


def with_data(reports: Reports, file: str, data: Any) -> Reports:
    """The reports as they are read where this file holds `data`."""
    if file.endswith("training.json"):
        return replace(reports, training=data)
    if file.endswith("layers.json"):
        return replace(
            reports, layers=data["layers"], sentences=[replace(reports.sentences[0], record=data["sentences"][0])]
        )
    return replace(reports, metrics=reports.metrics | {Path(file).parent.name: data})


@pytest.mark.slow
@pytest.mark.parametrize("file", [REPLIES, "data/corpus/train.jsonl"])
def test_a_wrong_value_in_a_line_is_told_or_read(project: Path, file: str) -> None:
    path = project / file
    first, *others = path.read_text(encoding="utf-8").splitlines(keepends=True)
    record = json.loads(first)
    if file == REPLIES:
        reader, writer = "export_csv", "generate"
    else:
        reader, writer = "build_vocab", "ingest"
        record["metadata"] = {"slots": {"name": "서연"}, "measure": "name", "accept": ["네"], "repeats": True}
    refused = 0
    for place, data in damaged_values(record):
        path.write_text("".join([json.dumps(data) + "\n", *others]), encoding="utf-8")
        message = error_message(project, reader, f"{file}:1", writer)
        refused += bool(message)
        assert message or not place.startswith(("messages.0.role", "token_ids", "finish_reason", "n_tokens")), place
    assert refused > 20


@pytest.mark.parametrize("column", ["epoch", "train_loss", "valid_loss"])
@pytest.mark.parametrize("wrong", ["", "x", "nan", "inf", "-1", "1e300", "9" * 400, "1e999"])
def test_a_wrong_number_in_the_history_is_told(project: Path, column: str, wrong: str) -> None:
    path = project / "reports/train/history.csv"
    header, first, *others = path.read_text(encoding="utf-8").splitlines()
    cells = dict(zip(header.split(","), first.split(","), strict=True)) | {column: wrong}
    path.write_text("\n".join([header, ",".join(cells.values()), *others]) + "\n", encoding="utf-8")
    message = error_message(project, "summarize", "reports/train/history.csv", "train")
    assert bool(message) != (column == "valid_loss" and not wrong)


class Marker:
    """What leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def opened(folder: Path) -> PreparedSplit:
    return open_split(folder, "train", vocab_size=300, max_len=8)


ROWS = {
    "tokens": np.array([1, 9, 2, 8, 3, 1, 2, 7, 3], dtype=np.uint16),
    "loss_mask": np.array([0, 0, 0, 1, 1, 0, 0, 1, 1], dtype=np.bool_),
    "offsets": np.array([0, 5, 9], dtype=np.int64),
}
WRONG_ARRAYS: dict[str, dict[str, Any]] = {
    "another type of number": {"tokens": ROWS["tokens"].astype(np.int64)},
    "another order of bytes": {"tokens": ROWS["tokens"].astype(">u2")},
    "floats": {"offsets": ROWS["offsets"].astype(np.float64)},
    "two axes": {"tokens": ROWS["tokens"].reshape(3, 3)},
    "no axis": {"offsets": np.array(0, dtype=np.int64)},
    "fields": {"offsets": np.zeros(3, dtype=[("a", "<i8")])},
    "a token beyond the vocabulary": {"tokens": np.array([1, 9, 2, 300, 3, 1, 2, 7, 3], dtype=np.uint16)},
    "too few tokens": {"tokens": ROWS["tokens"][:-1]},
    "too many tokens": {"tokens": np.resize(ROWS["tokens"], 10)},
    "no tokens": {"tokens": ROWS["tokens"][:0]},
    "too few marks": {"loss_mask": ROWS["loss_mask"][:-1]},
    "no loss in a dialogue": {"loss_mask": np.array([0, 0, 0, 0, 0, 0, 0, 1, 1], dtype=np.bool_)},
    "loss on a first token": {"loss_mask": np.array([1, 0, 0, 1, 1, 0, 0, 1, 1], dtype=np.bool_)},
    "marks of 2": {"loss_mask": np.array([0, 0, 0, 2, 1, 0, 0, 1, 1], dtype=np.uint8).view(np.bool_)},
    "no offsets": {"offsets": ROWS["offsets"][:0]},
    "no dialogue": {field: array[: field == "offsets"] for field, array in ROWS.items()},
    "offsets that fall": {"offsets": np.array([0, 7, 5, 9])},
    "offsets below 0": {"offsets": np.array([0, -2, 9])},
    "offsets far away": {"offsets": np.array([0, 2**62, -(2**62), 9])},
    "an end beyond the tokens": {"offsets": np.array([0, 5, 10])},
    "an end before the last token": {"offsets": np.array([0, 5, 8])},
    "a late beginning": {"offsets": np.array([1, 5, 9])},
    "a dialogue of one token": {"offsets": np.array([0, 5, 6, 9])},
    "a dialogue longer than the model": {"offsets": np.array([0, 9])},
}


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    write_split(tmp_path, "train", PreparedSplit(**ROWS))
    assert len(opened(tmp_path)) == 2
    return tmp_path


@pytest.mark.parametrize("name", WRONG_ARRAYS)
def test_arrays_that_do_not_fit_are_told(arrays: Path, name: str) -> None:
    for field, array in WRONG_ARRAYS[name].items():
        np.save(arrays / f"train.{FILES[field]}.npy", array)
    with pytest.raises(InputError, match=r"train\.\w+\.npy: damaged, .*`dvc repro --force prepare_data`"):
        opened(arrays)


def test_nothing_in_an_array_is_unpickled(arrays: Path) -> None:
    marker = arrays / "unpickled"
    file = arrays / "train.tokens.npy"
    np.save(file, np.array([Marker(marker)], dtype=object), allow_pickle=True)
    objects = file.read_bytes()
    for content in (objects, pickle.dumps(Marker(marker))):
        file.write_bytes(content)
        with pytest.raises(InputError, match="damaged, not an array"):
            opened(arrays)
    assert not marker.exists()


@pytest.mark.slow
def test_whatever_byte_of_an_arrays_head_is_wrong_it_is_told_or_means_the_same(arrays: Path) -> None:
    file = arrays / "train.offsets.npy"
    whole = file.read_bytes()
    for place in range(128):
        for byte in b"\x00\n ({['9-O\xff":
            file.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            try:
                assert opened(arrays).offsets.tolist() == [0, 5, 9]
            except InputError as error:
                assert "train.offsets.npy: damaged" in str(error) or "train." in str(error)


def test_a_corpus_is_read_line_by_line_up_to_the_damaged_one(project: Path) -> None:
    path = project / "data/corpus/train.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:3], lines[3][:20]]), encoding="utf-8")
    dialogues = read_corpus(path)
    assert [next(dialogues).source for _ in range(3)] == [f"{path}:{number}" for number in (1, 2, 3)]
    with pytest.raises(InputError, match=r"train\.jsonl:4: damaged, "):
        next(dialogues)


def test_nothing_is_written_where_a_report_is_damaged(project: Path) -> None:
    for file in (project / "reports").glob("summary.*"):
        file.unlink()
    (project / "reports/layers/copied_text-1.svg").write_text("<svg/>", encoding="utf-8")
    with pytest.raises(InputError, match=r"copied_text-1\.svg: damaged, not a picture"):
        summarize.run(project)
    assert list((project / "reports").glob("summary.*")) == []
