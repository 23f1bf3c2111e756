import json
from pathlib import Path
from typing import Any

import pytest

from tinychat.corpus.dialogue import read_corpus, to_record
from tinychat.corpus_shards import corpus_shards, dialogues_in
from tinychat.errors import InputError
from tinychat.params.limits import MAX_CHARACTERS

MESSAGES = [{"role": "user", "content": "안녕"}, {"role": "assistant", "content": "반가워", "weight": 0}]
WHOLE: list[Any] = [
    {"messages": MESSAGES},
    {"messages": [*MESSAGES, {"role": "assistant", "content": "", "weight": 1, "name": "x"}], "id": 7},
    {"messages": MESSAGES, "source": 2},
    {"messages": MESSAGES, "metadata": {"slots": {"name": "서연"}, "accept": ["네"], "measure": "name"}},
    {"messages": MESSAGES, "metadata": {"deep": json.loads("[" * 300 + "]" * 300), "number": 10**15}},
]
DAMAGED: dict[str, bytes] = {
    "not JSON": b'{"messages": ',
    "not UTF-8": b'{"messages": [{"role": "user", "content": "\xff"}]}',
    "a lone surrogate": rb'{"messages": [{"role": "user", "content": "\ud83d"}]}',
    "NaN": b'{"messages": [{"role": "user", "content": "a"}], "x": NaN}',
    "no messages": b'{"messages": []}',
    "a list": b"[]",
    "a role": b'{"messages": [{"role": "system", "content": "a"}]}',
    "a number": b'{"messages": [{"role": "user", "content": 3}]}',
    "a weight": b'{"messages": [{"role": "user", "content": "a", "weight": 2}]}',
    "true": b'{"messages": [{"role": "user", "content": "a", "weight": true}]}',
    "metadata": b'{"messages": [{"role": "user", "content": "a"}], "metadata": []}',
    "accept": b'{"messages": [{"role": "user", "content": "a"}], "metadata": {"accept": "a"}}',
    "a source": b'{"messages": [{"role": "user", "content": "a"}], "source": "songys"}',
    "a source below 0": b'{"messages": [{"role": "user", "content": "a"}], "source": -1}',
    "too long": b'{"messages": [{"role": "user", "content": "%s"}]}' % (b"a" * (MAX_CHARACTERS + 1)),
    "too deep": b'{"messages": ' + b"[" * 100_000,
    "blank": b"",
}


def test_dialogues_are_those_that_read_corpus_reads(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in WHOLE), encoding="utf-8")
    found = [record for shard in corpus_shards(path) for record in dialogues_in(shard)]
    assert [_as_written(record) for record in found] == [to_record(dialogue) for dialogue in read_corpus(path)]


def _as_written(record: dict[str, Any]) -> dict[str, Any]:
    """Without keys that nobody reads, and without `weight` where it is 1."""
    messages = [
        {key: one[key] for key in ("role", "content", "weight") if key in one and (key, one[key]) != ("weight", 1)}
        for one in record["messages"]
    ]
    return {"messages": messages} | {key: record[key] for key in ("metadata", "source") if key in record}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_line_is_named_as_read_corpus_names_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "valid.jsonl"
    path.write_bytes(json.dumps(WHOLE[0]).encode() + b"\n" + DAMAGED[name] + b"\n")
    with pytest.raises(InputError) as expected:
        list(read_corpus(path))
    with pytest.raises(InputError) as caught:
        [record for shard in corpus_shards(path) for record in dialogues_in(shard)]
    assert str(caught.value).startswith(f"{path}:2: damaged, ")
    if name != "not UTF-8":  # of which read_corpus does not know the line
        assert str(caught.value) == str(expected.value)


def test_an_empty_training_split_is_a_damage_and_a_missing_file_is_named(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").touch()
    assert corpus_shards(tmp_path / "test.jsonl") == []
    with pytest.raises(InputError, match=r"train\.jsonl: damaged, it holds no dialogue"):
        corpus_shards(tmp_path / "train.jsonl")
    with pytest.raises(InputError, match=r"no such file; `make repro` makes it \(stage ingest\)"):
        corpus_shards(tmp_path / "valid.jsonl")
