"""The exports that benchmarks/kakaotalk_export.py writes: read back message by message."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.kakaotalk_export import (
    ANSWERING,
    VARIANTS,
    main,
    songys_talks,
    starter_talks,
    write_export,
)
from tinychat.corpus.messenger import ChatMessage
from tinychat.corpus.readers import kakaotalk
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import open_text_file
from tinychat.params.sections import SourceParams

MESSAGES = 1000
TALKS = [[(f"질문 {n}: 뭐 해?", f"답 {n}, 쉬어"), ("그래?", f"응 : {n}")] for n in range(200)]


def read(path: Path) -> tuple[list[ChatMessage], list[str], Tally]:
    """The messages of an export, the remarks about it, and what was left out."""
    remarks: list[str] = []
    dropped = Tally()
    found = list(kakaotalk.messages(open_text_file(path), SourceParams(file=path.name), dropped, remarks))
    assert all(isinstance(message, ChatMessage) for message in found)
    return [message for message in found if isinstance(message, ChatMessage)], remarks, dropped


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_export_is_read_back_to_the_last_message(tmp_path: Path, variant: str) -> None:
    path = tmp_path / ("talk.csv" if variant == "mac" else "talk.txt")
    written = write_export(path, TALKS, MESSAGES, variant, seed=3)
    messages, remarks, dropped = read(path)
    assert written.messages == len(messages) == MESSAGES
    assert (remarks, dropped.as_numbers()) == ([], {})
    kinds = Counter(message.kind for message in messages if not message.text)
    assert kinds == written.kinds and kinds["photo"] > 0
    assert all(message.speaker for message in messages)
    assert any("\n" in message.text for message in messages)
    assert any("응 : " in message.text for message in messages if message.speaker == ANSWERING)
    first, last = messages[0].time, messages[-1].time
    clock = "%Y-%m-%d %H:%M" + (":%S" if variant == "mac" else ":00")
    assert f"{first:{clock}}"[:16] == written.first[:16] and f"{last:{clock}}"[:16] == written.last[:16]


@pytest.mark.parametrize("variant", ["android-ko", "windows-en", "mac"])
def test_its_conversations_are_the_dialogues(project: Any, variant: str) -> None:
    written = write_export(project.raw / "talk.txt", TALKS, MESSAGES, variant, seed=0)
    metrics = project.ingest(sources=[{"file": "talk.txt", "assistant": ANSWERING}])
    assert metrics["rows_read"] == written.conversations
    left_out = {kind: number for kind, number in metrics["messages_dropped"].items() if kind in written.kinds}
    assert left_out == written.kinds


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_export(tmp_path / name, TALKS, MESSAGES, "android-ko", seed)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.slow
def test_the_dialogues_of_the_starter_corpus_are_its_talks(repo: Path) -> None:
    assert any(len(talk) > 1 for talk in starter_talks(repo / "data/starter", seed=0))


def test_songys_gives_it_its_texts(
    tmp_path: Path, songys_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(songys_talks(songys_file)) == 11_823
    monkeypatch.setenv("TINYCHAT_SHARED_DATA", str(songys_file.parent))
    assert main([str(tmp_path / "talk.txt"), "--messages", "300", "--variant", "ios-ko"]) == 0
    assert json.loads(capsys.readouterr().out)["messages"] == 300
    messages, remarks, _ = read(tmp_path / "talk.txt")
    assert (len(messages), remarks) == (300, [])
