"""A project folder to lay raw files into, ingest run on it, and the real data where it is at hand."""

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tinychat.corpus.building import build_corpus
from tinychat.corpus.dialogue import SPLITS, Dialogue, read_corpus
from tinychat.params.sections import CorpusParams

SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"
REPOSITORY = Path(__file__).parents[2]


@dataclass
class Project:
    """A folder with data/raw, and ingest run on it without the stage."""

    root: Path

    @property
    def raw(self) -> Path:
        return self.root / "data/raw"

    @property
    def corpus(self) -> Path:
        return self.root / "data/corpus"

    @property
    def overview(self) -> Path:
        return self.root / "data/overview"

    @property
    def metrics_file(self) -> Path:
        return self.root / "reports/corpus/metrics.json"

    def lay(self, name: str, content: str | bytes) -> Path:
        """Write a raw file, text as UTF-8 and with its newlines as they are."""
        path = self.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def ingest(self, **corpus: Any) -> dict[str, Any]:
        """Build the corpus, by default with all in train, and give the metrics as written."""
        params = corpus_params(**corpus)
        print(build_corpus(self.raw, params, self.corpus, self.overview, self.metrics_file).summary())
        metrics: dict[str, Any] = json.loads(self.metrics_file.read_text(encoding="utf-8"))
        return metrics

    def texts(self, *splits: str) -> list[list[str]]:
        """What the corpus holds: for each dialogue its turns' texts."""
        return [[turn.content for turn in dialogue.turns] for dialogue in self.dialogues(*splits)]

    def dialogues(self, *splits: str) -> list[Dialogue]:
        return [one for name in splits or SPLITS for one in read_corpus(self.corpus / f"{name}.jsonl")]


def corpus_params(**changed: Any) -> CorpusParams:
    """The section of the repository's params.yaml, with all in train, and with dialogues of small files held out where
    `shares` says so, unless `changed` says otherwise.
    """
    small = {"shares": {"train": 1, "valid": 0, "test": 0}, "hold_out_from": 0}
    return CorpusParams.model_validate(_section() | small | changed)


@cache
def _section() -> dict[str, Any]:
    section: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))["corpus"]
    return section


def unlike(seed: int | str) -> str:
    """One of as many texts as there are seeds, none almost like another."""
    return "".join(random.Random(seed).choices(SYLLABLES, k=8))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    (tmp_path / "data/raw").mkdir(parents=True)
    return Project(tmp_path)


@pytest.fixture(name="corpus_params")
def corpus_params_fixture() -> Callable[..., CorpusParams]:
    """The params of the corpus, with some changed."""
    return corpus_params


@pytest.fixture
def songys_file() -> Path:
    """ChatbotData.csv, 11,823 real question-answer rows; skips where it is not at hand."""
    folder = Path(os.environ.get("TINYCHAT_SHARED_DATA", REPOSITORY.parent / "shared/data"))
    path = folder / "ChatbotData.csv"
    if not path.is_file():
        pytest.skip(f"{path} is not at hand; set TINYCHAT_SHARED_DATA to the folder that holds it")
    return path
