"""A project with a model to talk with, and another one that never ends."""

import json
from pathlib import Path

import pytest

from tests.chatting.models import ENDLESS, GREETING, write_model

TRAINED_ON = [("안녕", "만나서 반가워요"), ("안녕하세요", "정말 좋아"), ("잘 자", "잘 자요"), ("배고파", "좋아")]


@pytest.fixture(autouse=True)
def korean(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests see is in Korean, wherever they run."""
    monkeypatch.setenv("TINYCHAT_LANGUAGE", "ko")


@pytest.fixture(scope="session")
def talking_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models/dialogue, which greets, models/endless, and the training dialogues."""
    root = tmp_path_factory.mktemp("project")
    write_model(root / "models/dialogue", GREETING)
    write_model(root / "models/endless", ENDLESS, max_len=20_000)
    corpus = root / "data/corpus"
    corpus.mkdir(parents=True)
    lines = [
        json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]})
        for q, a in TRAINED_ON
    ]
    (corpus / "train.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return root
