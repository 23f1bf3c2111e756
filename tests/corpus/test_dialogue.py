from pathlib import Path

import pytest

from tinychat.corpus.dialogue import CorpusFile, Dialogue, Turn, from_record, read_corpus, to_record
from tinychat.errors import InputError
from tinychat.files import to_json_lines
from tinychat.params.limits import MAX_CHARACTERS

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


def test_the_dialogues_of_a_file_are_read_one_by_one_when_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    records = [to_record(Dialogue("", (Turn("user", f"{n}번\u2028"), Turn("assistant", "네")))) for n in range(5)]
    path.write_text(to_json_lines(records).rstrip("\n"), encoding="utf-8")
    dialogues, expected = CorpusFile(path), list(read_corpus(path))
    assert len(dialogues) == 5
    assert list(dialogues) == expected
    assert [dialogues[n] for n in range(-5, 5)] == expected * 2
    assert dialogues[1:4:2] == expected[1:4:2]
    with pytest.raises(IndexError):
        dialogues[5]


def test_a_damaged_line_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_bytes(to_json_lines([to_record(CONTEXT)]).encode() + b'{"messages": []}\n\xff\n')
    dialogues = CorpusFile(path)
    assert dialogues[0].turns == CONTEXT.turns
    for n, fault in ((1, "no messages"), (2, "Expecting value")):
        with pytest.raises(InputError) as caught:
            dialogues[n]
        assert str(caught.value).startswith(f"{path}:{n + 1}: damaged, {fault}")


def test_an_empty_file_has_no_dialogues_and_a_missing_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").touch()
    assert list(CorpusFile(tmp_path / "test.jsonl")) == []
    with pytest.raises(InputError, match=r"no such file; `make repro` makes it \(stage ingest\)"):
        CorpusFile(tmp_path / "train.jsonl")


def test_a_message_longer_than_any_model_reads_is_a_damage(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    for length in (MAX_CHARACTERS, MAX_CHARACTERS + 1):
        path.write_text(to_json_lines([{"messages": [{"role": "user", "content": "가" * length}]}]), encoding="utf-8")
        if length == MAX_CHARACTERS:
            assert len(next(read_corpus(path)).turns[0].content) == length
            continue
        with pytest.raises(InputError, match=r"test\.jsonl:1: damaged, a message of 1,000,001 characters; at most 1,0"):
            next(read_corpus(path))
