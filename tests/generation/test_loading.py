"""Whatever is wrong with a model's folder is said in one line that names the file; nothing else happens."""

import json
import pickle
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import tokenizers
import torch

from tests.generation.asking import PROMPTS, ask, ids_of
from tests.generation.models import KINDS, Sample, needs_compiler, save_sample
from tinychat.errors import InputError
from tinychat.generation.loading import load_engine
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import build_bpe, to_json_text

Damage = Callable[[Path], object]
FILES = ("config.json", "model.safetensors", "tokenizer.json")


@pytest.fixture
def folder(talker_folder: Path, tmp_path: Path) -> Path:
    """A model of the test's own."""
    return shutil.copytree(talker_folder, tmp_path / "model")


@pytest.fixture(params=KINDS)
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TINYCHAT_DECODER", request.param)
    return request.param


def refusal(folder: Path) -> str:
    """What is said where the folder is refused, without a warning beside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError) as raised:
            load_engine(folder)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 300 + len(str(folder))
    return message


def config(**changes: Any) -> Damage:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")

    return change


def without(key: str) -> Damage:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        data = json.loads(file.read_text(encoding="utf-8"))
        del data[key]
        file.write_text(json.dumps(data), encoding="utf-8")

    return change


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Damage:
    def changed(folder: Path) -> None:
        file = folder / "model.safetensors"
        tensors = {name: tensor.clone() for name, tensor in safetensors.torch.load_file(file).items()}
        change(tensors)
        safetensors.torch.save_file(tensors, file)

    return changed


def all_as(dtype: torch.dtype) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda tensors: tensors.update({name: tensor.to(dtype) for name, tensor in tensors.items()})


def one_is(value: float) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda tensors: tensors["decoder_layers.1.ffn.2.weight"].view(-1)[77:78].fill_(value)


def vocabulary(change: Callable[[dict[str, int]], object]) -> Damage:
    def changed(folder: Path) -> None:
        file = folder / "tokenizer.json"
        data = json.loads(file.read_text(encoding="utf-8"))
        change(data["model"]["vocab"])
        file.write_text(json.dumps(data), encoding="utf-8")

    return changed


def tokenizer_is(text: str) -> Damage:
    return lambda folder: (folder / "tokenizer.json").write_text(text, encoding="utf-8")


LARGER = build_bpe([f"{n} {chr(0xAC00 + n)}{chr(0xAC01 + n)}" * 3 for n in range(300)], max_size=500, min_frequency=2)
EMPTY_BPE = tokenizers.Tokenizer(tokenizers.models.BPE()).to_str()

# what happened to the folder, and what is said of it
DAMAGES: dict[str, tuple[Damage, str]] = {
    "one layer more": (config(n_layers=3), "model.safetensors: does not fit config.json: decoder_layers.2.self_attn"),
    "one layer less": (config(n_layers=1), "model.safetensors: does not fit config.json: 'decoder_layers.1."),
    "a billion layers": (
        config(n_layers=10**9),
        "config.json: n_layers is 1000000000; it must be a whole number above 0",
    ),
    "another width": (config(embed_dim=64), "model.safetensors: does not fit config.json: input_layer.word_embedding"),
    "another max_len": (config(max_len=64), "has the shape (48, 32) instead of (64, 32)"),
    "no layers": (config(n_layers=0), "config.json: n_layers is 0; it must be a whole number above 0"),
    "a size that is text": (config(ffn_dim="64"), "config.json: ffn_dim is '64'; it must be a whole number above 0"),
    "a size that is true": (config(ffn_dim=True), "config.json: ffn_dim is True; it must be a whole number above 0"),
    "a size of a thousand digits": (config(ffn_dim=10**99), "; it must be a whole number above 0"),
    "heads that do not divide": (config(n_heads=5), "n_heads is 5, which does not divide embed_dim 32"),
    "another architecture": (
        config(architecture="modern"),
        "config.json: architecture is 'modern'; this version knows",
    ),
    "a newer version": (
        config(rope_theta=1e6),
        "config.json: 'rope_theta' unknown to this version of tinychat; a newer one",
    ),
    "no architecture": (without("architecture"), "config.json: not a model of tinychat: it names no architecture"),
    "a key is missing": (without("n_heads"), "config.json: not a model of tinychat: n_heads missing"),
    "a list": (lambda folder: (folder / "config.json").write_text("[]"), "config.json: not a model of tinychat"),
    "a config a thousand deep": (
        lambda folder: (folder / "config.json").write_text("[" * 100_000),
        "config.json: damaged",
    ),
    "fp16": (
        weights(all_as(torch.float16)),
        "model.safetensors: does not fit config.json: input_layer.word_embedding.weight",
    ),
    "fp64": (weights(all_as(torch.float64)), "is float64 instead of float32"),
    "bf16": (weights(all_as(torch.bfloat16)), "word_embedding.weight is bfloat16 instead of float32"),
    "NaN": (
        weights(one_is(float("nan"))),
        "config.json: decoder_layers.1.ffn.2.weight holds NaN, infinity or a number",
    ),
    "infinity": (
        weights(one_is(float("inf"))),
        "config.json: decoder_layers.1.ffn.2.weight holds NaN, infinity or a number",
    ),
    "no number a float can add up": (
        weights(lambda tensors: tensors["output_layer.weight"].fill_(3e38)),
        "output_layer.weight holds NaN, infinity or a number",
    ),
    "a weight is missing": (weights(lambda tensors: tensors.pop("output_layer.bias")), "output_layer.bias is missing"),
    "a weight too many": (weights(lambda tensors: tensors.update(gate=torch.ones(2))), "'gate' is unknown"),
    "a pickle": (
        lambda folder: (folder / "model.safetensors").write_bytes(pickle.dumps({"a": [1.0] * 100})),
        "model.safetensors: damaged",
    ),
    "a larger tokenizer": (
        tokenizer_is(to_json_text(LARGER)),
        f"tokenizer.json has {LARGER.size} tokens, but config.json",
    ),
    "a tokenizer of another program": (tokenizer_is(EMPTY_BPE), "tokenizer.json: <pad>, <user>, <bot>, <eos> missing"),
    "no tokenizer at all": (tokenizer_is('{"name": "web", "version": 2}'), "tokenizer.json: not a tokenizer.json"),
    "an id beyond all": (
        vocabulary(lambda vocab: vocab.update({"a": 9999})),
        "tokenizer.json: damaged: its ids are not 0 to",
    ),
    "an id twice": (vocabulary(lambda vocab: vocab.update({"a": vocab["b"]})), "tokenizer.json: damaged: its ids"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_does_not_fit_is_named(folder: Path, decoder: str, name: str) -> None:
    damage, message = DAMAGES[name]
    damage(folder)
    assert message in refusal(folder)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", ["missing", "empty", "a folder", "random bytes", "zeros", "something behind its end"])
def test_a_file_that_is_none_of_ours_is_named(folder: Path, decoder: str, file: str, kind: str) -> None:
    path = folder / file
    data = path.read_bytes()
    path.unlink()
    if kind == "a folder":
        path.mkdir()
    elif kind != "missing":
        content = {"empty": b"", "random bytes": random.Random(0).randbytes(4000), "zeros": bytes(len(data))}
        path.write_bytes(content.get(kind, data + b"}"))
    assert refusal(folder).startswith(f"{path}: ")


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_was_cut_anywhere_is_named(folder: Path, file: str) -> None:
    path = folder / file
    data = path.read_bytes().rstrip()
    places = {0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 4, len(data) - 1} | {
        len(data) * n // 40 for n in range(40)
    }
    for place in sorted(places):
        path.write_bytes(data[:place])
        assert refusal(folder).startswith(f"{path}: "), place


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_a_file_with_a_wrong_byte_is_refused_or_talks(folder: Path, file: str) -> None:
    """Nothing tells a wrong letter or digit from a right one; but there is nothing else than these two."""
    path, rng = folder / file, random.Random(0)
    data = path.read_bytes()
    refused = 0
    for _ in range(60):
        place = rng.randrange(min(len(data), 6000))
        path.write_bytes(data[:place] + rng.randbytes(1) + data[place + 1 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a wrong exponent
            try:
                ask(load_engine(folder, slots=2), PROMPTS[:2])
            except InputError as error:
                assert "\n" not in str(error)
                assert str(error).startswith(str(folder))
                refused += 1
    assert refused > 10


def test_a_folder_that_is_not_there_is_named_and_how_to_make_one(tmp_path: Path, decoder: str) -> None:
    assert refusal(tmp_path / "nowhere").startswith(f"{tmp_path / 'nowhere'}: no such folder; `make repro` trains")


def test_a_file_instead_of_a_folder_is_named(folder: Path, decoder: str) -> None:
    assert refusal(folder / "config.json") == f"{folder / 'config.json'} is a file; name the folder of a model"


def test_an_empty_folder_lacks_its_config(tmp_path: Path, decoder: str) -> None:
    assert refusal(tmp_path).startswith(f"{tmp_path / 'config.json'}: no such file; train a model with `make repro`")


@pytest.mark.parametrize("slots", [0, -1])
def test_room_for_no_dialogue_is_refused(folder: Path, slots: int) -> None:
    with pytest.raises(InputError, match=f"batch_size is {slots}; it must be at least 1"):
        load_engine(folder, slots=slots)


@pytest.mark.slow
def test_a_vocabulary_smaller_than_the_models_will_do(
    talker: Sample, bpe: Tokenizer, tmp_path: Path, decoder: str
) -> None:
    """`model.vocab_size` may be larger: places without a token are never said."""
    torch.manual_seed(0)
    larger = ClassicConfig(bpe.size + 40, embed_dim=32, n_layers=1, n_heads=4, ffn_dim=64, max_len=48)
    engine = load_engine(save_sample(Sample(larger, build_model(larger)), bpe, tmp_path / "larger"))
    assert all(token < bpe.size for ids in ids_of(ask(engine, PROMPTS)) for token in ids)


@pytest.mark.slow
@pytest.mark.parametrize("trained", [False, True], ids=["random", "trained"])
@pytest.mark.parametrize("name", KINDS)
def test_every_decoder_says_the_same(
    talker_folder: Path, trained_folder: Path, trained: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained_folder if trained else talker_folder
    said = []
    for kind in ("numpy", name):
        monkeypatch.setenv("TINYCHAT_DECODER", kind)
        engine = load_engine(folder)
        assert type(engine.decoder).__name__ == f"{kind.capitalize()}Decoder"
        said.append(ids_of(ask(engine, PROMPTS)))
    assert said[0] == said[1]


@needs_compiler
def test_where_nothing_is_asked_it_is_native(talker_folder: Path) -> None:
    assert type(load_engine(talker_folder).decoder).__name__ == "NativeDecoder"


def test_numpy_does_no_bf16(talker_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYCHAT_DECODER", "numpy")
    monkeypatch.setenv("TINYCHAT_PRECISION", "bf16")
    assert refusal(talker_folder).startswith("TINYCHAT_DECODER is numpy, which computes in fp32 only")


def test_native_does_no_bf16(talker_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYCHAT_DECODER", "native")
    monkeypatch.setenv("TINYCHAT_PRECISION", "bf16")
    assert refusal(talker_folder).startswith("TINYCHAT_DECODER is native, which computes in fp32 only")


def test_bf16_takes_torch(talker_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYCHAT_PRECISION", "bf16")
    engine = load_engine(talker_folder)
    assert engine.decoder._cache.keys.dtype == torch.bfloat16  # type: ignore[attr-defined]
    assert all(reply.text for reply in ask(engine, PROMPTS))
