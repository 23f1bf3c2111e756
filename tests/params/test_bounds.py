"""No number in params.yaml, and no TINYCHAT_*, ends in a traceback: it is right, or refused by its name."""

import copy
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.forkserver import fast_python
from tinychat.errors import InputError
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.params.loading import check, load_params
from tinychat.params.memory import NO_BATCH, BatchSize, refuse_too_large, training_memory
from tinychat.params.sections import Params

REPO = Path(__file__).parents[2]
PARAMS: dict[str, Any] = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
Key = tuple[str, ...]


def numbers(section: dict[str, Any], above: Key = ()) -> Iterator[Key]:
    """The keys of all numbers, and of what may be one."""
    for name, value in section.items():
        if isinstance(value, dict):
            yield from numbers(value, (*above, name))
        elif (isinstance(value, int | float) and not isinstance(value, bool)) or (value is None and above != COLUMNS):
            yield (*above, name)


COLUMNS: Key = ("corpus", "columns")
NUMBERS = list(numbers(PARAMS))
VALUES: list[Any] = [0, -1, 1, 7, 0.5, 2**31, 2**63, 10**12, 10**30, -(10**30), 10**400, 1e308, 5e-324, -0.0]
VALUES += [math.nan, math.inf, -math.inf, "1e30", "1e999", True, None]


def params_with(project: Path, values: dict[str, Any]) -> Path:
    """A params.yaml with other values: `{"train.epochs": 3}`."""
    data = copy.deepcopy(PARAMS)
    for key, value in values.items():
        *above, name = key.split(".")
        section = data
        for part in above:
            section = section[part]
        assert name in section
        section[name] = value
    (project / "params.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return project


@pytest.fixture
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TINYCHAT_DECODER", "TINYCHAT_DEVICE", "TINYCHAT_PRECISION", "TINYCHAT_THREADS"):
        monkeypatch.delenv(name, raising=False)


def test_the_numbers_of_the_file_are_found() -> None:
    assert {("model", "vocab_size"), ("corpus", "starter", "seed"), ("train", "dropout")} <= set(NUMBERS)
    assert len(NUMBERS) > 30


@pytest.mark.slow
@pytest.mark.parametrize("key", NUMBERS, ids=".".join)
def test_whatever_a_number_is_it_will_do_or_is_refused_by_its_name(
    key: Key, tmp_path: Path, no_settings_of_the_machine: None
) -> None:
    name, refused = ".".join(key), 0
    for value in VALUES:
        try:
            check(params_with(tmp_path, {name: value}))
        except InputError as error:
            refused += 1
            for line in str(error).splitlines():
                assert re.match(rf"{tmp_path}/params\.yaml: |params\.yaml: ", line)
                assert len(line) < 500 + len(str(tmp_path))
            assert key[-1] in str(error) or key[0] in str(error)
    assert refused > 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vocab.max_size": 2**31}, r"vocab\.max_size is 2147483648; it must be less than or equal to 1000000$"),
        ({"vocab.min_frequency": 10**30}, r"vocab\.min_frequency is 10{30}; it must be less than or equal to"),
        ({"model.n_layers": 100_000}, r"model\.n_layers is 100000; it must be less than or equal to 200$"),
        ({"model.embed_dim": 10**8, "model.n_heads": 7}, r"model\.embed_dim is 100000000; it must be less than"),
        ({"model.embed_dim": 999_999, "model.n_heads": 5}, r"n_heads is 5, which .* embed_dim 999999; .* 1, 3, 7$"),
        ({"generate.max_tokens": 10**400}, r"generate\.max_tokens is 10{59}…; it must be less"),
        (
            {"model.embed_dim": 1_000_000},
            r"model: embed_dim 1000000, n_layers 6, ffn_dim 1024, max_len 192 need about 262 TB of memory to train; "
            r"this machine has .*; lower model\.embed_dim$",
        ),
        ({"model.ffn_dim": 1_000_000, "model.n_layers": 199}, r"need about .* TB .*; lower model\.ffn_dim$"),
        ({"model.max_len": 10**6, "model.embed_dim": 8192}, r"need about .*; lower model\.max_len$"),
        ({"model.vocab_size": 10**6, "model.embed_dim": 8192}, r"need about .*; lower model\.vocab_size$"),
    ],
    ids=str,
)
@pytest.mark.slow
def test_make_refuses_what_cannot_be_before_anything_is_made(
    tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    ended = make_checks(params_with(tmp_path, values))
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: params.yaml: ")
    assert re.search(message, ended.stderr.strip())
    assert ended.stderr.count("\n") == 1


def make_checks(project: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What `make repro` runs first."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TINYCHAT_")}
    return subprocess.run(
        [fast_python(), "-m", "tinychat.params"],
        cwd=project,
        env={**own, "PYTHONPATH": str(REPO), "TINYCHAT_LANGUAGE": "en", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,  # only for the test to end at all
    )


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"TINYCHAT_THREADS": "999999999"}, "TINYCHAT_THREADS is '999999999'; it must be auto or a number from 1 to"),
        ({"TINYCHAT_THREADS": "9" * 5000}, "TINYCHAT_THREADS is '99999999999999999999…'; it must be auto or"),
        ({"TINYCHAT_DECODER": "jax"}, "TINYCHAT_DECODER is 'jax'; it must be one of auto, numpy, native, torch"),
        ({"TINYCHAT_DEVICE": "gpu"}, "TINYCHAT_DEVICE is 'gpu'; it must be one of auto, cpu, cuda, mps"),
        ({"TINYCHAT_PRECISION": "fp16"}, "TINYCHAT_PRECISION is 'fp16'; it must be one of auto, fp32, bf16"),
        (
            {"TINYCHAT_DECODER": "numpy", "TINYCHAT_PRECISION": "bf16"},
            "TINYCHAT_DECODER is numpy, which computes in fp32 only",
        ),
    ],
    ids=["many threads", "a long number", "decoder", "device", "precision", "two that exclude each other"],
)
@pytest.mark.slow
def test_a_wrong_wish_is_refused_before_anything_is_made_and_before_training(
    tmp_path: Path, environment: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(REPO / "params.yaml", tmp_path)
    ended = make_checks(tmp_path, **environment)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith(f"error: {message}")

    from stages import train

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=re.escape(message)):
        train.run(tmp_path)


@pytest.mark.slow
def test_a_gpu_that_is_not_there_is_noticed_by_make(tmp_path: Path) -> None:
    shutil.copy(REPO / "params.yaml", tmp_path)
    ended = make_checks(tmp_path, TINYCHAT_DEVICE="cuda", CUDA_VISIBLE_DEVICES="")
    assert ended.returncode == 2
    assert re.match(r"error: TINYCHAT_DEVICE is cuda, but torch .* sees only: ", ended.stderr)


def test_make_checks_without_torch_where_nothing_asks_for_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tinychat.params.loading import check; check(Path());"
        "sys.exit('torch' in sys.modules)"
    )
    shutil.copy(REPO / "params.yaml", tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(REPO), "TINYCHAT_DEVICE": "auto"}
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment).returncode == 0


@pytest.fixture
def params(tmp_path: Path) -> Params:
    return load_params(params_with(tmp_path, {}))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_estimate_counts_the_parameters_of_the_model(tmp_path: Path, optimizer: str) -> None:
    values = {"model.embed_dim": 48, "model.n_layers": 3, "model.ffn_dim": 40, "model.n_heads": 4, "model.max_len": 9}
    params = load_params(params_with(tmp_path, values | {"train.optimizer": optimizer}))
    model = build_model(ClassicConfig(vocab_size=70, embed_dim=48, n_layers=3, n_heads=4, ffn_dim=40, max_len=9))
    matrices = sum(p.numel() for p in model.decoder_layers.parameters() if p.dim() == 2)
    twice = 2 * model.n_parameters() - (matrices if optimizer == "muon" else 0)
    assert training_memory(params, 70, NO_BATCH) == 4 * (2 * model.n_parameters() + twice)


def test_a_model_that_fits_alone_may_not_fit_with_its_batch(params: Params) -> None:
    refuse_too_large(params, 1e9, "cpu", 8000, BatchSize(1000, 500))
    with pytest.raises(InputError, match=r"train\.batch_tokens 1024, .*; this machine has 954 MB; lower model\.max"):
        refuse_too_large(params, 1e9, "cpu", 8000, BatchSize(50_000, 20_000))
    many = params.model_copy(update={"train": params.train.model_copy(update={"batch_tokens": 60_000})})
    with pytest.raises(InputError, match=r"need about .*; this machine's GPU \(cuda\) has 954 MB; lower train\."):
        refuse_too_large(many, 1e9, "cuda", 8000, BatchSize(50_000, 20_000))
    refuse_too_large(many, 6e9, "cuda", 8000, BatchSize(50_000, 20_000))
    refuse_too_large(many, math.inf, "cuda", 8000, BatchSize(10**9, 10**9))


def test_a_vocabulary_that_is_too_large_is_lowered_where_it_is_built(params: Params) -> None:
    with pytest.raises(InputError, match=r"vocab_size 500000 need about .*; lower vocab\.max_size$"):
        refuse_too_large(params, 1e9, "cpu", 500_000)
