"""The arrays of a shard are those that `prepare_dialogues` makes of its dialogues one by one."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.batches.arrays import write_split
from tests.tokenizer.test_words import TEXTS
from tinychat.batches.prepared import PreparedSplit, split_files, to_arrays
from tinychat.batches.preparing import LongAnswers, LossOn, prepare_dialogues
from tinychat.batches.preparing_shards import joined, preparing
from tinychat.batches.writing import SplitWriter
from tinychat.shards import shards_of
from tinychat.tokenizer import Tokenizer

Dialogue = list[dict[str, Any]]


def by_chance(seed: int, n: int, texts: list[str]) -> list[Dialogue]:
    """Dialogues of any sides, weights and lengths."""
    chance = random.Random(seed)
    return [
        [
            {"role": chance.choice(["user", "assistant"]), "content": " ".join(chance.choices(texts, k=size))}
            | ({} if chance.random() < 0.7 else {"weight": chance.choice([0, 1])})
            for _ in range(chance.choice([1, 2, 3, 8]))
        ]
        for size in chance.choices([1, 2, 12], k=n)
    ]


WORDS = ["안녕", "반가워요.", "뭐해?", "좋아!", "그래…", "오늘", "날씨가", "좋다", "ㅋㅋ", "뷁"]
CORPORA = {
    "words that repeat": by_chance(0, 100, WORDS),
    "words that do not": by_chance(1, 40, [f"낱말{n}." for n in range(5000)]),
    "white space of all kinds": by_chance(2, 60, [*TEXTS, *WORDS]),
    "the marks of the table": by_chance(3, 60, [*WORDS, "\x01", "\x03", "a\x02"]),
    "nothing with loss": [[{"role": "assistant", "content": "네", "weight": 0}], [{"role": "user", "content": "네"}]],
}


@pytest.mark.parametrize(("loss_on", "long_answers"), [("reply", "cut"), ("all", "drop")])
@pytest.mark.parametrize("kind", ["bpe", "words"])
@pytest.mark.parametrize("name", CORPORA)
def test_as_one_by_one(
    name: str, kind: str, long_answers: LongAnswers, loss_on: LossOn, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(kind)
    path = tmp_path / "train.jsonl"
    lines = [json.dumps({"messages": dialogue}, ensure_ascii=False) + "\n" for dialogue in CORPORA[name]]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
    for max_len in (24, 10_000):
        expected = prepare_dialogues(CORPORA[name], tokenizer, max_len, loss_on, long_answers)
        arrays = to_arrays(expected.examples, tokenizer.size)
        for size in (200, 10**7):
            work = preparing(tokenizer, max_len, loss_on, long_answers)
            parts, counts = zip(*map(work, shards_of(path, size)), strict=True)
            assert_equal(joined(list(parts), tokenizer.size), arrays)
            for other in counts[1:]:
                counts[0].add_counts(other)
            assert counts[0] == replace(expected, examples=[])
            assert counts[0].read == len(CORPORA[name])


def assert_equal(found: PreparedSplit, expected: PreparedSplit) -> None:
    for field in ("tokens", "loss_mask", "offsets"):
        one, other = getattr(found, field), getattr(expected, field)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other), field


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_arrays_written_in_parts_are_those_that_numpy_writes(tmp_path: Path, parts: int) -> None:
    part = PreparedSplit(
        np.array([1, 9, 2, 8, 3], dtype=np.uint16), np.array([0, 0, 0, 1, 1], dtype=np.bool_), np.array([0, 2, 5])
    )
    with SplitWriter(tmp_path, "train", vocab_size=300) as writer:
        for _ in range(parts):
            writer.add(part)
    whole = joined([part] * parts, 300)
    write_split(tmp_path, "valid", whole)
    for field, path in split_files(tmp_path, "train").items():
        np.save(tmp_path / "expected.npy", getattr(whole, field))
        assert path.read_bytes() == (tmp_path / "expected.npy").read_bytes()
        assert path.read_bytes() == split_files(tmp_path, "valid")[field].read_bytes()
