"""Models to compute with: small and of the article's size with random weights, and a trained one."""

import importlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from tests.generation.models import ARTICLE, SMALL, Sample, random_sample, save_sample, stored_sample
from tinychat.errors import InputError
from tinychat.files import write_json
from tinychat.generation.loading import load_engine
from tinychat.model.classic_config import ClassicConfig
from tinychat.tokenizer import Tokenizer

SAID = [
    ("안녕", "안녕하세요. 반가워요!"),
    ("고마워", "천만에요 ㅋㅋ"),
    ("뭐 먹을래?", "나는 김밥이 좋아"),
    ("잘 자", "잘 자요. 내일 또 만나요"),
    ("오늘 기분이 어때?", "오늘은 기분이 아주 좋아요"),
]
SMALL_PARAMS = {
    "vocab": {"max_size": 320},
    "model": {"embed_dim": 32, "n_layers": 2, "n_heads": 4, "ffn_dim": 64, "max_len": 64},
    "train": {"epochs": 60, "warmup_steps": 0, "learning_rate": 0.01},
}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Small products are slower with more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder that the machine's own TINYCHAT_* name does not matter here."""
    for name in [name for name in os.environ if name.startswith("TINYCHAT_") and name != "TINYCHAT_SHARED_DATA"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def trained_folder(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's model, or where there is none, a small one trained by the stages."""
    folder = tmp_path_factory.mktemp("trained")
    try:
        copy = shutil.copytree(repo / "models/dialogue", folder / "copy")
        load_engine(copy)
    except (OSError, shutil.Error, InputError):  # none, or one that is being made at this moment
        return train(folder / "project", repo)
    return copy


def train(root: Path, repo: Path) -> Path:
    params = yaml.safe_load((repo / "params.yaml").read_text(encoding="utf-8"))
    for section, values in SMALL_PARAMS.items():
        params[section] |= values
    (root / "data/corpus").mkdir(parents=True)
    write_json(root / "data/overview/sources.json", {})
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    for split in ("train", "valid", "test"):
        rows = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in SAID]
        lines = "".join(f"{json.dumps(row)}\n" for row in rows * 4)
        (root / f"data/corpus/{split}.jsonl").write_text(lines, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYCHAT_DEVICE", "cpu")
        patch.setenv("TINYCHAT_PRECISION", "fp32")
        patch.delenv("DVC_ROOT", raising=False)
        for stage in ("build_vocab", "prepare_data", "train"):
            importlib.import_module(f"stages.{stage}").run(root)
    return root / "models/dialogue"


@pytest.fixture(scope="session")
def trained(trained_folder: Path) -> Sample:
    return stored_sample(trained_folder)


@pytest.fixture(
    scope="session",
    params=[
        "small 0",
        "small 1",
        "small 2",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("article", "trained")),
    ],
)
def sample(request: pytest.FixtureRequest) -> Sample:
    """Each of the models, one after the other."""
    if request.param == "trained":
        return request.getfixturevalue("trained")
    return random_sample(ARTICLE, 0) if request.param == "article" else random_sample(SMALL, int(request.param[-1]))


@pytest.fixture(scope="session")
def talker(bpe: Tokenizer) -> Sample:
    """A small model with random weights that fits `bpe`; it seldom says <eos>."""
    return random_sample(ClassicConfig(bpe.size, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48), 0)


@pytest.fixture(scope="session")
def talker_folder(talker: Sample, bpe: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`talker` as a folder; for reading only."""
    return save_sample(talker, bpe, tmp_path_factory.mktemp("models") / "talker")
