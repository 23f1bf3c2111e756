"""A folder put together of two models, or that holds what is no file, is refused by whoever would use it."""

import importlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch

import tinychat
from tests.conftest import SENTENCES
from tests.forkserver import fast_python
from tinychat.errors import InputError
from tinychat.files import read_json, write_json
from tinychat.model import load_model
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.model.storage import save_model
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import build_bpe, to_json_text

Use = Callable[[Path], object]
FILES = ("config.json", "model.safetensors", "tokenizer.json")


@pytest.fixture
def project(repo: Path, bpe: Tokenizer, tmp_path: Path) -> Path:
    """A project with a model, in which every stage that reads one could begin."""
    shutil.copy(repo / "params.yaml", tmp_path)
    (tmp_path / "models/dialogue").mkdir(parents=True)
    torch.manual_seed(0)
    config = ClassicConfig(bpe.size, embed_dim=32, n_layers=1, n_heads=4, ffn_dim=64, max_len=48)
    save_model(tmp_path / "models/dialogue", config, build_model(config).state_dict(), to_json_text(bpe).encode())
    return tmp_path


def stage(name: str) -> Use:
    return lambda project: importlib.import_module(f"stages.{name}").run(project)


USES: dict[str, Use] = {
    "tinychat.load": lambda project: tinychat.load(project / "models/dialogue"),
    "load_model": lambda project: load_model(project / "models/dialogue"),
    **{name: stage(name) for name in ("generate", "evaluate", "analyze_layers")},
}


def refusal(project: Path, use: str) -> str:
    with pytest.raises(InputError) as refused:
        USES[use](project)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def without_record(project: Path) -> None:
    """The weights as an earlier version saved them."""
    file = project / "models/dialogue/model.safetensors"
    safetensors.torch.save_file(safetensors.torch.load_file(file), file, metadata={"format": "pt"})


@pytest.mark.parametrize("use", USES)
def test_other_heads_than_in_training_are_refused_though_every_shape_fits(project: Path, use: str) -> None:
    config = project / "models/dialogue/config.json"
    write_json(config, read_json(config) | {"n_heads": 8})
    assert "n_heads is 4, but config.json says 8; they are not of one model" in refusal(project, use)


@pytest.mark.parametrize("use", USES)
def test_the_tokenizer_of_another_model_is_refused_though_its_size_fits(
    project: Path, bpe: Tokenizer, use: str
) -> None:
    other = build_bpe([text[::-1] for text in SENTENCES * 4], max_size=bpe.size, min_frequency=2)
    file = project / "models/dialogue/tokenizer.json"
    file.write_text(to_json_text(other), encoding="utf-8")
    assert refusal(project, use).startswith(f"{file}: not the one that model.safetensors was saved with")


def test_a_larger_tokenizer_is_refused_where_an_earlier_version_saved_the_weights(
    project: Path, bpe: Tokenizer
) -> None:
    without_record(project)
    larger = build_bpe([f"{n} {chr(0xAC00 + n)}" * 3 for n in range(300)], max_size=bpe.size + 50, min_frequency=2)
    (project / "models/dialogue/tokenizer.json").write_text(to_json_text(larger), encoding="utf-8")
    for use in USES.keys() - {"load_model"}:
        assert f"tokenizer.json has {larger.size} tokens, but config.json says {bpe.size}" in refusal(project, use)


def test_a_folder_of_an_earlier_version_talks_as_before(project: Path) -> None:
    said = tinychat.load(project / "models/dialogue").reply("안녕")
    without_record(project)
    assert tinychat.load(project / "models/dialogue").reply("안녕") == said


def test_the_weights_say_what_they_were_saved_with_under_one_key(project: Path) -> None:
    with safetensors.safe_open(project / "models/dialogue/model.safetensors", framework="np") as file:
        (text,) = file.metadata().values()
    assert json.loads(text)["config"]["n_heads"] == 4
    assert re.fullmatch("sha256:[0-9a-f]{64}", json.loads(text)["tokenizer"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"config": 3}', "[" * 100_000])
def test_a_damaged_record_is_named(project: Path, text: str) -> None:
    file = project / "models/dialogue/model.safetensors"
    safetensors.torch.save_file(safetensors.torch.load_file(file), file, metadata={"tinychat": text})
    assert f"{file}: damaged: its metadata does not say" in refusal(project, "tinychat.load")


def test_a_weight_that_nothing_can_be_computed_with_is_named(project: Path) -> None:
    file = project / "models/dialogue/model.safetensors"
    weights = safetensors.torch.load_file(file)
    weights["decoder_layers.0.ffn.0.weight"][3, 3] = -1e30
    safetensors.torch.save_file(weights, file)
    assert "decoder_layers.0.ffn.0.weight holds NaN, infinity or a number that is too large" in refusal(
        project, "tinychat.load"
    )


def test_weights_of_a_huge_model_are_refused_by_their_names_before_they_are_read(project: Path) -> None:
    file = project / "models/dialogue/model.safetensors"
    size = 2**40
    header = json.dumps(
        {"model.embed_tokens.weight": {"dtype": "BF16", "shape": [size], "data_offsets": [0, 2 * size]}}
    )
    with open(file, "wb") as written:
        written.write(len(header).to_bytes(8, "little") + header.encode())
        written.truncate(8 + len(header) + 2 * size)  # a hole: it takes no room on the disk
    assert f"{file}: does not fit config.json: " in refusal(project, "tinychat.load")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "kind", ["pipe", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("device", "socket", "folder"))]
)
def test_what_is_no_file_is_named_and_nothing_waits_for_it(
    project: Path, repo: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "models/dialogue" / name
    file.unlink()
    monkeypatch.chdir(file.parent)  # the path of a socket must be short
    {"pipe": pipe, "device": device, "socket": listening, "folder": Path.mkdir}[kind](file)
    ended = subprocess.run(
        [fast_python(), "-m", "tinychat", "chat", "안녕", "--model", "models/dialogue"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(repo), "TINYCHAT_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,  # only for the test to end at all
    )
    assert ended.returncode == 2
    assert ended.stderr == f"error: models/dialogue/{name}: this is a {kind}; a file is needed\n"
