"""Whatever number params.yaml accepts, each stage that reads it ends well, or says in one line what to change."""

import copy
import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPO
from tinychat.errors import InputError

PARAMS: dict[str, Any] = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
SMALL = {
    "corpus": {"sources": [{"file": "talk.jsonl"}], "shares": {"train": 0.5, "valid": 0.25, "test": 0.25}},
    "vocab": {"max_size": 280},
    "model": {"embed_dim": 8, "n_layers": 1, "n_heads": 2, "ffn_dim": 8, "max_len": 48},
    "train": {"epochs": 2},
    "generate": {"prompts": ["안녕", "고마워"], "method": "sample", "max_tokens": 4},
    "analyze": {"prompts": ["안녕"]},
}
# Which stages read a section, in their order.
READ_BY = {
    "corpus": ("ingest",),
    "vocab": ("build_vocab", "prepare_data", "train", "generate"),
    "model": ("prepare_data", "train", "evaluate", "generate", "analyze_layers"),
    "train": ("train",),
    "evaluate": ("evaluate",),
    "generate": ("generate",),
}
SAID = [("안녕", "반가워요"), ("고마워", "천만에요"), ("잘 자", "내일 봐요"), ("뭐 해?", "책 읽어요")]
MAX_SEED, MAX_COUNT, MIN_POSITIVE = 2**63 - 1, 1_000_000_000, 5e-324
NEARLY_ONE = 1 - 2**-53
EXTREMES: list[tuple[str, str, Any]] = [
    ("corpus", "seed", MAX_SEED),
    ("corpus", "sources", [{"file": "talk.jsonl", "weight": MIN_POSITIVE}]),
    ("corpus", "sources", [{"file": "talk.jsonl", "weight": 100}]),
    ("corpus", "shares", {"train": MIN_POSITIVE, "valid": 1.0, "test": 0.0}),
    ("corpus", "starter", {"dialogues": 100, "seed": MAX_SEED}),
    ("vocab", "max_size", 264),
    ("vocab", "max_size", 1_000_000),
    ("vocab", "min_frequency", MAX_COUNT),
    ("model", "vocab_size", 8),
    ("model", "vocab_size", 1_000_000),
    ("model", "embed_dim", 2),
    ("model", "embed_dim", 1_000_000),
    ("model", "n_layers", 200),
    ("model", "n_heads", 8),
    ("model", "ffn_dim", 1),
    ("model", "ffn_dim", 1_000_000),
    ("model", "max_len", 8),
    ("model", "max_len", 1_000_000),
    ("train", "seed", MAX_SEED),
    ("train", "batch_tokens", 1),
    ("train", "batch_tokens", MAX_COUNT),
    ("train", "learning_rate", MIN_POSITIVE),
    ("train", "learning_rate", 1e30),
    ("train", "beta2", MIN_POSITIVE),
    ("train", "beta2", NEARLY_ONE),
    ("train", "weight_decay", 1e308),
    ("train", "warmup_steps", MAX_COUNT),
    ("train", "dropout", NEARLY_ONE),
    ("train", "grad_clip", MIN_POSITIVE),
    ("train", "grad_clip", 1e308),
    ("train", "patience", MAX_COUNT),
    ("evaluate", "max_dialogues", MAX_COUNT),
    ("generate", "temperature", 0.01),
    ("generate", "temperature", 100),
    ("generate", "top_k", MAX_COUNT),
    ("generate", "top_p", MIN_POSITIVE),
    ("generate", "seed", MAX_SEED),
    ("generate", "repetition_penalty", 0.01),
    ("generate", "repetition_penalty", 100),
    ("generate", "max_tokens", MAX_COUNT),
]


def write_params(root: Path, section: str = "train", key: str = "seed", value: Any = 0) -> None:
    data = copy.deepcopy(PARAMS)
    for name, changes in SMALL.items():
        data[name] |= changes
    data[section][key] = value
    if key == "starter":
        data["corpus"]["sources"] = [{"corpus": "starter"}]
    (root / "params.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYCHAT_DEVICE", "cpu")
    monkeypatch.setenv("TINYCHAT_PRECISION", "fp32")
    monkeypatch.delenv("DVC_ROOT", raising=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which each of these stages has run; for reading only."""
    root = tmp_path_factory.mktemp("made")
    (root / "data/raw").mkdir(parents=True)
    rows = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in SAID]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (root / "data/raw/talk.jsonl").write_text(lines, encoding="utf-8")
    shutil.copytree(REPO / "data/starter", root / "data/starter")
    write_params(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYCHAT_DEVICE", "cpu")
        patch.delenv("DVC_ROOT", raising=False)
        for stage in ("ingest", "build_vocab", "prepare_data", "train"):
            run(stage, root)
    return root


def run(stage: str, root: Path) -> None:
    importlib.import_module(f"stages.{stage}").run(root)


SLOW = [
    ("corpus", "starter", {"dialogues": 100, "seed": MAX_SEED}),
    *(
        case
        for case in EXTREMES
        if case[0] == "model" and case[1:] not in (("vocab_size", 8), ("embed_dim", 1_000_000))
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        pytest.param(*case, marks=pytest.mark.slow if case in SLOW else (), id=f"{case[0]}.{case[1]} {case[2]}")
        for case in EXTREMES
    ],
)
def test_a_number_that_is_accepted_ends_well_or_in_one_line(
    made: Path, tmp_path: Path, section: str, key: str, value: Any
) -> None:
    root = shutil.copytree(made, tmp_path / "project")
    write_params(root, section, key, value)
    for stage in READ_BY[section]:
        if (key, stage) == ("n_layers", "analyze_layers"):
            continue  # it draws each layer: a minute for two hundred
        try:
            run(stage, root)
        except InputError as error:
            assert "\n" not in str(error)
            break


def test_training_says_which_size_to_lower_before_a_model_is_made(made: Path, tmp_path: Path) -> None:
    root = shutil.copytree(made, tmp_path / "project")
    write_params(root, "model", "embed_dim", 1_000_000)
    with pytest.raises(InputError, match=r"embed_dim 1000000, .* need about .* to train; .*; lower model\.embed_dim$"):
        run("train", root)
    assert not list(root.glob(".tinychat/runs/*"))
