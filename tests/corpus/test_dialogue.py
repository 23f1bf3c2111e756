from pathlib import Path

import pytest

from tinychat.corpus.dialogue import Dialogue, Turn, from_record, read_corpus, to_record
from tinychat.errors import InputError
from tinychat.files import to_json_lines

CONTEXT = Dialogue("a.csv:1", (Turn("assistant", "어서 와", 0), Turn("user", "안녕"), Turn("assistant", "반가워")))


def test_a_record_is_the_openai_chat_format_with_weight_only_where_it_is_0() -> None:
    assert to_record(CONTEXT) == {
        "messages": [
            {"role": "assistant", "content": "어서 와", "weight": 0},
            {"role": "user", "content": "안녕"},
            {"role": "assistant", "content": "반가워"},
        ]
    }


def test_a_dialogue_survives_its_record() -> None:
    assert from_record(to_record(CONTEXT), "a.csv:1") == CONTEXT


def test_a_corpus_file_is_read_with_the_place_of_each_dialogue(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(to_json_lines([to_record(CONTEXT), to_record(CONTEXT)]), encoding="utf-8")
    first, second = read_corpus(path)
    assert (first.turns, first.source, second.source) == (CONTEXT.turns, f"{path}:1", f"{path}:2")
    assert second.file == str(path)


def test_a_missing_corpus_file_names_the_stage_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file; `make repro` makes it \(stage ingest\)"):
        next(read_corpus(tmp_path / "train.jsonl"))
