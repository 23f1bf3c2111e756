"""An architecture is a file, a config dataclass and a line in the registry: one from outside passes all stages."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import tinychat
from stages import (
    analyze_layers,
    build_page,
    build_vocab,
    evaluate,
    export_csv,
    generate,
    ingest,
    prepare_data,
    summarize,
    train,
)
from tests.model.rotary import RotaryConfig, registered
from tinychat.errors import InputError, Interrupted
from tinychat.generation.loading import load_decoder
from tinychat.generation.torch_decoder import TorchDecoder
from tinychat.inspection.layers import list_layers
from tinychat.model import load_model
from tinychat.model.registry import training_sizes
from tinychat.params.loading import load_params
from tinychat.training import loop

MODEL = {"architecture": "rotary", "vocab_size": None, "embed_dim": 32, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2}
MODEL |= {"hidden_dim": 64, "rope_base": 10_000, "max_len": 64}
SAID = [("안녕", "안녕하세요!"), ("뭐 먹지?", "김밥 어때요?"), ("심심해", "산책해 봐요."), ("잘 자", "좋은 꿈 꿔요.")]


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("TINYCHAT_DECODER", "TINYCHAT_THREADS", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TINYCHAT_DEVICE", "cpu")
    monkeypatch.setenv("TINYCHAT_PRECISION", "fp32")
    with registered():
        yield


def project(root: Path, repo: Path, **model: Any) -> Path:
    """A project of a few dialogues, up to its token arrays; each is trained on four times and held out too."""
    params = yaml.safe_load((repo / "params.yaml").read_text(encoding="utf-8"))
    params["model"] = MODEL | model
    params["vocab"] |= {"max_size": 320}
    params["train"] |= {"epochs": 30, "learning_rate": 0.01, "warmup_steps": 5, "batch_tokens": 128}
    params["evaluate"] |= {"max_dialogues": 8}
    params["generate"] |= {"prompts": ["안녕", "심심해"]}
    params["analyze"] = {"prompts": ["안녕", ["안녕", "네", "잘 자"]]}
    (root / "data/raw").mkdir(parents=True)
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    rows = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in SAID]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (root / "data/raw/talk.jsonl").write_text(lines, encoding="utf-8")
    ingest.run(root)
    for split in ("train", "valid", "test"):
        (root / f"data/corpus/{split}.jsonl").write_text(lines * 4, encoding="utf-8")
    build_vocab.run(root)
    prepare_data.run(root)
    return root


@pytest.fixture(scope="module")
def trained(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch, registered():
        patch.setenv("TINYCHAT_DEVICE", "cpu")
        patch.setenv("TINYCHAT_PRECISION", "fp32")
        patch.delenv("DVC_ROOT", raising=False)
        root = project(tmp_path_factory.mktemp("rotary"), repo)
        train.run(root)
    return root


def test_it_is_trained_and_stored(trained: Path) -> None:
    folder = trained / "models/dialogue"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["architecture"], config["rope_base"]) == ("rotary", 10_000)
    metrics = json.loads((trained / "reports/train/metrics.json").read_text(encoding="utf-8"))
    assert metrics["final_train_loss"] < 1
    model = load_model(folder)
    assert model.head.weight is model.embedding.weight
    assert metrics["parameters"] == model.n_parameters()
    assert "rope_base 10000" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_with_the_same_bytes(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    shutil.copytree(trained, root, ignore=shutil.ignore_patterns("models", "reports", ".tinychat"))
    step = loop.Trainer._step

    def stopping(trainer: loop.Trainer, *arguments: Any) -> None:
        step(trainer, *arguments)
        if trainer.progress.step == 9:
            raise Interrupted(trainer.save_for_resume())

    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="step 9"):
        patch.setattr(loop.Trainer, "_step", stopping)
        train.run(root)
    train.run(root)
    for name in ("config.json", "model.safetensors", "training.json"):
        file = Path("models/dialogue") / name
        assert (root / file).read_bytes() == (trained / file).read_bytes()


@torch.inference_mode()
def test_the_torch_decoder_computes_what_the_model_computes(trained: Path) -> None:
    folder = trained / "models/dialogue"
    model, decoder = load_model(folder), load_decoder(folder, 4, "auto")
    assert isinstance(decoder, TorchDecoder)
    sequences, slots = [[1, 9, 30, 2], [5], [1, 2, 3, 4, 5, 6, 7]], [3, 0, 1]
    logits = decoder.prefill(sequences, slots)
    for _ in range(5):
        expected = torch.stack([model(torch.tensor([ids]))[0, -1] for ids in sequences]).numpy()
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4)
        ids = expected.argmax(axis=1).tolist()
        sequences = [[*sequence, token] for sequence, token in zip(sequences, ids, strict=True)]
        logits = decoder.step(ids, slots)


@pytest.mark.parametrize("kind", ["numpy", "native"])
def test_a_decoder_that_does_not_compute_it_says_so(trained: Path, kind: str) -> None:
    with pytest.raises(InputError, match=f"TINYCHAT_DECODER is {kind}, which does not compute the architecture rotary"):
        load_decoder(trained / "models/dialogue", 1, kind)


def test_it_replies_is_measured_and_looked_into(trained: Path) -> None:
    for stage in (generate, evaluate, export_csv, analyze_layers, summarize, build_page):
        stage.run(trained)
    reply = tinychat.load(trained / "models/dialogue").reply("안녕")
    assert reply.text == "안녕하세요!"
    report = json.loads((trained / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))
    assert report["seen"]["replies"]["exact"] == 1
    layers = json.loads((trained / "reports/layers/layers.json").read_text(encoding="utf-8"))
    assert layers["sentences"][0]["reply"] == "안녕하세요!"
    with open(trained / "reports/layers/layers.csv", encoding="utf-8", newline="") as file:
        names = {row["layer"] for row in csv.DictReader(file)}
    assert names == {layer.name for layer in list_layers(load_model(trained / "models/dialogue"))}
    page = (trained / "reports/summary.html").read_text(encoding="utf-8")
    assert all(f">{name}<" in page for name in ("embedding", "down", "blocks 1", "blocks 2"))
    live = (trained / "outputs/tinychat.html").read_text(encoding="utf-8")
    assert "모델의 구조가 rotary인데, 페이지는 classic 구조만 계산할 수 있습니다." in live
    pictures = "".join(path.read_text(encoding="utf-8") for path in (trained / "reports/layers").glob("*-1.svg"))
    assert all(pictures.count(f">{name}<") >= 1 for name in ("embedding", "blocks 1 down", "blocks 2 down"))
    assert "decoder_layers" not in pictures


def test_its_params_are_checked_by_its_own_fields(tmp_path: Path, repo: Path) -> None:
    root = project(tmp_path / "project", repo)
    path = root / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value, message in (
        ("rope_base", 10**9, "model.rope_base is 1000000000; it must be less than or equal to 10000000"),
        ("ffn_dim", 64, "unknown key model.ffn_dim"),
        ("architecture", "classic", "model.ffn_dim is missing"),
        ("architecture", "mamba", "model.architecture: must be one of: classic, rotary"),
    ):
        wrong = params | {"model": params["model"] | {key: value}}
        path.write_text(yaml.safe_dump(wrong), encoding="utf-8")
        with pytest.raises(InputError, match=message):
            load_params(root)


def test_the_memory_of_a_training_is_known_without_a_table() -> None:
    config = RotaryConfig(320, 32, 2, 4, 2, 64, 10_000, 64)
    assert config.training_sizes() is None
    sizes = training_sizes(config)
    assert sizes.matrices == 2 * (3 * 32 * 32 + 3 * 32 * 64)
    assert sizes.others == 320 * 32 + 5 * 32
