"""`limit` of a source: at most so many of its dialogues, spread evenly over the file."""

from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

ROWS = "Q,A\n" + "".join(f"질문 {n},답 {n}\n" for n in range(100))


def first_texts(project: Any) -> list[int]:
    return [int(texts[0].removeprefix("질문 ")) for texts in project.texts()]


def test_the_dialogues_are_spread_evenly_over_the_file(project: Any) -> None:
    project.lay("qa.csv", ROWS)
    metrics = project.ingest(sources=[{"file": "qa.csv", "limit": 5}])
    assert first_texts(project) == [19, 39, 59, 79, 99]
    assert (metrics["rows_read"], metrics["rows_kept"]) == (100, 5)
    assert metrics["rows_dropped"] == {"over_the_limit": 95}
    project.ingest(sources=[{"file": "qa.csv", "limit": 33}])
    numbers = first_texts(project)
    assert len(numbers) == 33
    assert {later - earlier for earlier, later in pairwise(numbers)} <= {3, 4}


def test_a_limit_above_the_number_of_dialogues_changes_nothing(project: Any) -> None:
    project.lay("qa.csv", ROWS)
    metrics = project.ingest(sources=[{"file": "qa.csv", "limit": 1000, "weight": 2}])
    assert sorted(first_texts(project)) == sorted([*range(100), *range(100)])
    assert metrics["rows_dropped"] == {}


def test_the_limit_counts_what_is_kept_and_leaves_the_rest_to_other_sources(project: Any) -> None:
    project.lay("a.csv", "Q,A\n,없음\n질문 0,답 0\n질문 0,답 0\n질문 1,답 1\n")
    project.lay("b.csv", "Q,A\n질문 0,답 0\n질문 1,답 1\n")
    metrics = project.ingest(sources=[{"file": "a.csv", "limit": 1}, {"file": "b.csv"}])
    assert sorted(first_texts(project)) == [0, 1]
    assert metrics["rows_dropped"] == {"empty_question": 1, "over_the_limit": 1, "repeat": 2}


def test_turns_without_loss_and_the_place_stay_as_they_are(project: Any) -> None:
    project.lay(
        "chat.jsonl",
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}, '
        '{"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}\n',
    )
    project.ingest(sources=[{"file": "chat.jsonl", "limit": 1}])
    (dialogue,) = project.dialogues()
    assert [turn.has_loss for turn in dialogue.turns] == [True, False, True, True]


@pytest.mark.parametrize("source", [{"corpus": "starter", "limit": 5}, {"file": "a.csv", "limit": 0}])
def test_a_limit_is_a_number_of_dialogues_of_a_file(corpus_params: Any, source: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        corpus_params(sources=[source])
