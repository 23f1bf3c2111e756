"""Files of any content: dialogues or one error, and what a writer of a format writes is what is read."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz_readers
from tinychat.corpus.dialogue import Dialogue, Turn
from tinychat.corpus.gathering import Counts, gather
from tinychat.corpus.turns import TurnCounts, tidy_turns
from tinychat.dialogue_files import corpus_params
from tinychat.errors import InputError

CASES = 4000
# A NUL in a short text is a sign of a file that is not text.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5)
# The folder is emptied before each example.
quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.slow
def test_a_damaged_file_is_dialogues_or_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    failed = fuzz_readers.main(["--cases", str(CASES), "--seconds", "30"])
    assert not failed, capsys.readouterr().out


def read(folder: Path, name: str, data: bytes) -> list[list[tuple[str, str]]] | None:
    """The turns that are read of a file; None for an error."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / name).write_bytes(data)
    try:
        found = list(gather(folder, corpus_params(), Counts(), lambda *_, **__: None))
    except InputError as error:
        assert name in str(error)
        return None
    return [[(turn.role, turn.content) for turn in dialogue.turns] for dialogue in found]


def expected(pairs: list[tuple[str, str]]) -> list[list[tuple[str, str]]] | None:
    """The turns of these pairs as the corpus has them, each pair once; None where none is left."""
    tidy = (tidy_turns(Dialogue("", (Turn("user", q), Turn("assistant", a))), TurnCounts()) for q, a in pairs)
    found: list[list[tuple[str, str]]] = []
    for dialogue in tidy:
        if isinstance(dialogue, Dialogue):
            turns: list[tuple[str, str]] = [(turn.role, turn.content) for turn in dialogue.turns]
            if turns not in found:
                found.append(turns)
    return found or None


@pytest.mark.slow
@given(PAIRS)
@quick
def test_chat_lines_are_read_as_they_were_written(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    lines = [
        json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]})
        for q, a in pairs
    ]
    assert read(tmp_path / "raw", "chat.jsonl", "\n".join(lines).encode()) == expected(pairs)


@pytest.mark.slow
@given(PAIRS)
@quick
def test_a_table_is_read_as_it_was_written(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    table = io.StringIO()
    csv.writer(table, quoting=csv.QUOTE_ALL).writerows([("질문", "답변"), *pairs])
    assert read(tmp_path / "raw", "qa.csv", table.getvalue().encode()) == expected(pairs)


@pytest.mark.slow
@given(st.binary(max_size=2000))
@quick
def test_any_bytes_are_dialogues_or_one_error(tmp_path: Path, data: bytes) -> None:
    read(tmp_path / "raw", "talk.txt", data)
