"""The questions of the corpus that the model is asked where generate.prompts is auto."""

import json
from typing import Any

import pytest

from tinychat.corpus.prompts import SamplePrompt, read_prompts
from tinychat.errors import InputError

HALF = {"train": 0.5, "valid": 0.25, "test": 0.25}


def table(rows: int) -> str:
    return "Q,A\n" + "".join(f"질문 {n},대답 {n}\n" for n in range(rows))


def drawn(project: Any, seen: str | None) -> list[str]:
    return [prompt.text for prompt in read_prompts(project.overview) if prompt.seen == seen]


def test_ten_questions_of_ones_own_half_of_them_never_seen(project: Any) -> None:
    project.lay("a.csv", table(100))
    project.ingest(shares=HALF)
    trained, new = drawn(project, "trained"), drawn(project, "held_out")
    assert (len(trained), len(new)) == (5, 5)
    assert set(trained) <= {texts[0] for texts in project.texts("train")}
    assert set(new) <= {texts[0] for texts in project.texts("valid", "test")}


def test_where_nothing_is_held_out_all_were_trained_on(project: Any) -> None:
    project.lay("a.csv", table(40))
    project.ingest()
    assert len(drawn(project, "trained")) == 10


def test_fewer_rows_give_fewer_prompts(project: Any) -> None:
    project.lay("a.csv", table(3))
    project.ingest()
    assert sorted(drawn(project, "trained")) == ["질문 0", "질문 1", "질문 2"]


def test_the_order_of_the_rows_changes_no_prompt(project: Any) -> None:
    rows = table(50).splitlines(keepends=True)
    project.lay("a.csv", "".join(rows))
    project.ingest(shares=HALF)
    first = read_prompts(project.overview)
    project.lay("a.csv", "".join([rows[0], *reversed(rows[1:])]))
    project.ingest(shares=HALF)
    assert read_prompts(project.overview) == first


def test_a_long_question_is_taken_only_where_there_are_no_others(project: Any) -> None:
    long = [f"{n}번 " + "아주 긴 질문 " * 20 for n in range(50)]
    project.lay("a.csv", "Q,A\n" + "".join(f"{text},그래\n" for text in long) + "짧은 질문,응\n다른 질문,아니\n")
    project.ingest()
    prompts = drawn(project, "trained")
    assert sorted(prompts[:2]) == ["다른 질문", "짧은 질문"]
    assert len(prompts) == 10


def test_the_first_question_of_a_conversation_is_the_prompt(project: Any) -> None:
    turns = [("assistant", "어서 와"), ("user", "안녕"), ("assistant", "응"), ("user", "뭐 해"), ("assistant", "쉬어")]
    messages = [{"role": role, "content": text} for role, text in turns]
    project.lay("talk.jsonl", json.dumps({"messages": messages}) + "\n")
    project.ingest()
    assert drawn(project, "trained") == ["안녕"]


@pytest.mark.parametrize("content", ["[]", "{}", '[{"text": 1, "seen": null}]', '[{"text": "안녕", "seen": "often"}]'])
def test_a_damaged_file_of_prompts_names_the_stage_that_writes_it(project: Any, content: str) -> None:
    project.lay("a.csv", table(3))
    project.ingest()
    (project.overview / "prompts.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"prompts\.json: damaged, .*; `dvc repro --force ingest`"):
        read_prompts(project.overview)


def test_a_prompt_says_whether_it_was_trained_on(project: Any) -> None:
    project.lay("a.csv", table(1))
    project.ingest()
    assert read_prompts(project.overview) == [SamplePrompt("질문 0", "trained")]
