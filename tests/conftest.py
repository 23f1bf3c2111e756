"""What the tests share: the project's folder, real data, a small vocabulary and a small model."""

import csv
import gc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

os.environ.setdefault("GOMP_SPINCOUNT", "3000")
os.environ["TINYCHAT_LANGUAGE"] = "en"  # of the errors that processes tell, where a test asks for no other

from tests.forkserver import fast_python

if TYPE_CHECKING:  # torch is loaded by what needs it: the process that only hands out the tests does not
    from tinychat.model import DialogueModel
    from tinychat.tokenizer import Tokenizer

REPO = Path(__file__).parents[1]

SENTENCES = [
    "안녕",
    "안녕하세요. 반가워요!",
    "오늘 기분이 어때?",
    "나 기분 좋아",
    "뭐 먹을래? 나는 김밥이 좋아",
    "고마워 ㅋㅋ",
    "잘 자요. 내일 또 만나요",
    "What is your name?",
]


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C reach the processes that tests start, and start one fork server for all of pytest-xdist."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun with `&` by a script; processes inherit that
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ:
        fast_python()


# The test files that take minutes, the slowest first.
LONGEST = (
    "quality",
    "docs",
    "ci",
    "own_answers",
    "what_runs",
    "starter",
    "killed",
    "remote",
    "deps_are_true",
    "experiments",
    "canaries",
    "full_disk",
    "environment",
    "going_back",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that one process does not wait for the other's at the end."""
    order = [f"test_{name}.py" for name in LONGEST]
    items.sort(key=lambda item: order.index(item.path.name) if item.path.name in order else len(order))


def pytest_collection_finish() -> None:
    """Keep Python's garbage collector from going through torch and all tests again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def repo() -> Path:
    """The project's folder."""
    return REPO


@pytest.fixture(scope="session")
def songys() -> list[tuple[str, str]]:
    """Question and answer of every row of ChatbotData.csv; skips where the file is not at hand."""
    folder = Path(os.environ.get("TINYCHAT_SHARED_DATA", REPO.parent / "shared" / "data"))
    path = folder / "ChatbotData.csv"
    if not path.exists():
        pytest.skip(f"{path} is not at hand; set TINYCHAT_SHARED_DATA to the folder that holds it")
    with open(path, encoding="utf-8", newline="") as file:
        return [(row["Q"], row["A"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def bpe() -> "Tokenizer":
    """A byte-level vocabulary of a few sentences."""
    from tinychat.tokenizer.building import build_bpe

    return build_bpe(SENTENCES * 4, max_size=400, min_frequency=2)


@pytest.fixture(scope="session")
def words() -> "Tokenizer":
    """A word vocabulary of a few sentences."""
    from tinychat.tokenizer.word_level import build_words

    return build_words(SENTENCES, max_size=100, min_frequency=1)


@pytest.fixture
def model(bpe: "Tokenizer") -> "DialogueModel":
    """A small model with random weights that fits `bpe`."""
    import torch

    from tinychat.model.classic_config import ClassicConfig
    from tinychat.model.registry import build_model

    torch.manual_seed(0)
    config = ClassicConfig(vocab_size=bpe.size, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48)
    return build_model(config).eval()
