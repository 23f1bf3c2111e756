"""How much of what is trained on each source is, and what of a small one is held out."""

import json
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from tests.corpus.conftest import corpus_params, unlike
from tinychat.errors import InputError

HALF = {"train": 0.5, "valid": 0.25, "test": 0.25}


def table(name: str, rows: int) -> str:
    return "Q,A\n" + "".join(f"{question(name, n)},{answer(name, n)}\n" for n in range(rows))


def question(name: str, n: int) -> str:
    return f"{name} 질문 {unlike(f'question {name} {n}')}"


def answer(name: str, n: int) -> str:
    return f"{name} 대답 {unlike(f'answer {name} {n}')}"


def trained_answers(project: Any) -> Counter[str]:
    """How many training answers are of which table: the first word of each."""
    return Counter(texts[1].split()[0] for texts in project.texts("train"))


def lay(project: Any, **rows: int) -> None:
    """A table for each name, with so many rows."""
    for name, count in rows.items():
        project.lay(f"{name}.csv", table(name, count))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9])
def test_a_source_is_as_much_of_what_is_trained_on_as_its_share_says(project: Any, share: float) -> None:
    lay(project, mine=10, other=200)
    mixture = project.ingest(sources=[{"file": "mine.csv", "share": share}, {"file": "other.csv"}])["mixture"]
    counted = trained_answers(project)
    assert counted["other"] == 200  # what has no share is written once
    assert counted["mine"] / counted.total() == pytest.approx(share, abs=0.005)
    assert mixture["source_1"]["share"] == pytest.approx(share, abs=1e-3)
    assert mixture["source_1"]["repetitions"] == pytest.approx(share * 200 / (1 - share) / 10, rel=1e-3)


def test_all_dialogues_of_a_repeated_source_are_repeated_equally_often_or_once_more(project: Any) -> None:
    lay(project, mine=10, other=200)
    project.ingest(sources=[{"file": "mine.csv", "share": 0.11}, {"file": "other.csv"}])
    times = Counter(texts[1] for texts in project.texts("train") if texts[1].startswith("mine"))
    assert sorted(times.values()) == [2] * 6 + [3] * 4  # 24.7 in all
    assert [times[answer("mine", n)] for n in range(10)] == [2, 2, 3, 2, 3, 2, 3, 2, 3, 2]


def test_a_share_counts_answers_and_not_dialogues(project: Any) -> None:
    turns = [{"role": role, "content": f"{role} {n}"} for n in range(5) for role in ("user", "assistant")]
    project.lay("long.jsonl", json.dumps({"messages": turns}) + "\n")
    lay(project, other=10)
    project.ingest(sources=[{"file": "long.jsonl", "share": 0.5}, {"file": "other.csv"}])
    assert sum(len(texts) == 10 for texts in project.texts("train")) == 2  # of five answers each


def test_of_a_large_source_with_a_small_share_only_a_part_is_trained_on_evenly_spread(project: Any) -> None:
    lay(project, large=100, other=30)
    mixture = project.ingest(sources=[{"file": "large.csv", "share": 0.25}, {"file": "other.csv"}])["mixture"]
    kept = [texts[1] for texts in project.texts("train") if texts[1].startswith("large")]
    assert kept == [answer("large", n) for n in (9, 19, 29, 39, 49, 59, 69, 79, 89, 99)]
    assert mixture["source_1"] == {
        **{"train": 100, "valid": 0, "test": 0, "answers": 100},
        **{"repetitions": 0.1, "share": 0.25, "kept_whole": False},
    }


def test_sources_without_a_share_divide_the_rest_by_their_sizes_and_weights(project: Any) -> None:
    lay(project, a=10, b=20, c=30)
    project.ingest(sources=[{"file": "a.csv", "share": 0.5}, {"file": "b.csv"}, {"file": "c.csv", "weight": 2}])
    assert trained_answers(project) == {"a": 80, "b": 20, "c": 60}


def test_where_every_source_has_a_share_none_is_cut_and_the_one_that_is_largest_for_it_is_written_once(
    project: Any,
) -> None:
    lay(project, a=10, b=60)
    project.ingest(sources=[{"file": "a.csv", "share": 0.4}, {"file": "b.csv", "share": 0.6}])
    assert trained_answers(project) == {"a": 40, "b": 60}


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([{"file": "a.csv", "share": 0.3, "weight": 2}], "share and weight exclude each other"),
        ([{"file": "a.csv", "share": 0.3, "weight": 1}], "share and weight exclude each other"),
        ([{"file": "a.csv", "share": 0.6}, {"file": "b.csv", "share": 0.6}], "the shares add up to 1.2;"),
        ([{"file": "a.csv", "share": 0.3}, {"file": "b.csv", "share": 0.3}], "add up to 0.6, and every source has one"),
        ([{"file": "a.csv", "share": 1}, {"file": "b.csv"}], "which leaves nothing for the sources without"),
        ([{"file": "a.csv", "share": 0}], "greater than 0"),
        ([{"file": "a.csv", "share": 1.1}], "less than or equal to 1"),
    ],
)
def test_shares_that_cannot_be_are_refused(sources: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        corpus_params(sources=sources)


def test_ten_shares_of_a_tenth_are_the_whole() -> None:
    assert corpus_params(sources=[{"file": f"{n}.csv", "share": 0.1} for n in range(10)])


def test_a_share_so_low_that_nothing_is_left_is_an_error(project: Any) -> None:
    lay(project, a=10, b=10)
    with pytest.raises(InputError, match=r"of 10 training dialogues of a\.csv none .* with a share of 0\.001"):
        project.ingest(sources=[{"file": "a.csv", "share": 0.001}, {"file": "b.csv"}])
    assert not project.corpus.exists()


def test_a_share_of_a_source_whose_dialogues_all_were_there_before_is_an_error(project: Any) -> None:
    lay(project, a=10)
    project.lay("b.csv", table("a", 10))
    with pytest.raises(InputError, match=r"b\.csv has a share, but no dialogue of it is trained on"):
        project.ingest(sources=[{"file": "a.csv"}, {"file": "b.csv", "share": 0.5}])


def test_a_source_that_is_too_small_a_part_is_warned_of_at_the_end_with_what_to_write(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, mine=5, other=500)
    project.ingest()
    warned = [line for line in capsys.readouterr().out.splitlines() if "too small a part" in line]
    assert warned == [
        "warning: too small a part of what is trained on to be learnt well: mine.csv (0.99%, 5 answers). In "
        "params.yaml: corpus.sources: [{file: mine.csv, share: 0.05}, {file: other.csv}]"
    ]


def test_what_params_says_of_a_source_stays_in_what_the_warning_says_to_write(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, mine=5, other=500)
    sources = [{"file": "mine.csv", "format": "qa_table", "weight": 1.5}, {"file": "other.csv", "weight": 2}]
    project.ingest(sources=sources)
    assert "[{file: mine.csv, format: qa_table, share: 0.05}, {file: other.csv, weight: 2.0}]" in (
        capsys.readouterr().out
    )


def test_many_sources_of_one_size_are_not_each_too_small(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, **{f"n{number}": 2 for number in range(60)})
    project.ingest()
    assert "too small a part" not in capsys.readouterr().out


def test_what_is_written_for_a_source_of_a_large_part_is_silent(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, mine=50, other=500)
    project.ingest()
    printed = capsys.readouterr().out
    assert "too small a part" not in printed
    assert "source_1, mine.csv: 50 training dialogues: 9.09% of what is trained on" in printed


def test_a_dialogue_of_several_sources_says_which_it_is_of_and_the_names_lie_beside(project: Any) -> None:
    lay(project, a=2, b=2)
    project.ingest()
    assert [one.source_number for one in project.dialogues("train")] == [1, 1, 2, 2]
    names = json.loads((project.overview / "sources.json").read_text(encoding="utf-8"))
    assert names == {
        "source_1": {"name": "a.csv", "format": "qa_table"},
        "source_2": {"name": "b.csv", "format": "qa_table"},
    }


def test_a_corpus_of_one_source_does_not_repeat_that_in_every_line(project: Any) -> None:
    lay(project, a=2)
    project.ingest()
    assert '"source"' not in (project.corpus / "train.jsonl").read_text(encoding="utf-8")


def test_a_small_table_is_trained_on_as_a_whole(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, shop=40)
    metrics = project.ingest(shares=HALF, hold_out_from=600)
    assert {name: size["dialogues"] for name, size in metrics["splits"].items()} == {"train": 40, "valid": 0, "test": 0}
    assert "shop.csv is trained on as a whole, none of its 40 pairs is held out" in capsys.readouterr().out


def test_a_small_table_is_trained_on_as_a_whole_beside_a_large_one_of_which_a_part_is_held_out(project: Any) -> None:
    lay(project, shop=40, large=200)
    mixture = project.ingest(shares=HALF, hold_out_from=100)["mixture"]
    assert mixture["source_1"]["test"] > 20  # large.csv
    assert (mixture["source_2"]["train"], mixture["source_2"]["test"]) == (40, 0)


def test_what_shares_a_text_with_a_small_table_is_not_held_out_either(project: Any) -> None:
    lay(project, shop=40)
    others = "".join(f"{question('shop', n)},{answer('large', n)}\n" for n in range(200))
    project.lay("large.csv", table("shop", 0) + others)
    project.ingest(shares=HALF, hold_out_from=100)
    held_out = {texts[0] for texts in project.texts("valid", "test")}
    assert held_out
    assert held_out.isdisjoint(question("shop", n) for n in range(40))


def test_many_small_tables_are_one_large_one(project: Any) -> None:
    lay(project, a=40, b=40, c=40)
    assert project.ingest(shares=HALF, hold_out_from=100)["splits"]["test"]["dialogues"] > 10


def test_of_a_small_number_of_conversations_some_are_held_out_since_their_answers_are_not_fixed(project: Any) -> None:
    def talk(n: int) -> str:
        turns = [{"role": role, "content": f"{role} {n} {i}"} for i in range(2) for role in ("user", "assistant")]
        return json.dumps({"messages": turns}) + "\n"

    project.lay("talk.jsonl", "".join(map(talk, range(40))))
    assert project.ingest(shares=HALF, hold_out_from=600)["splits"]["test"]["dialogues"] > 5


def test_where_nothing_would_be_held_out_anyway_nothing_is_said(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, shop=40)
    assert not project.ingest(hold_out_from=600)["mixture"]["source_1"]["kept_whole"]
    assert "as a whole" not in capsys.readouterr().out


def test_nothing_is_kept_whole_where_the_limit_is_0(project: Any) -> None:
    lay(project, shop=40)
    assert project.ingest(shares=HALF, hold_out_from=0)["splits"]["test"]["dialogues"] > 5


def test_little_data_is_told_in_words_with_a_number_in_the_last_line(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, shop=40)
    learnt = project.ingest()["learnt"]
    assert learnt == {"exchanges": 40, "questions": 40, "answers": 40, "rephrased": 0}
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("warning: 40 questions, 40 answers: this is little. Expect these questions to be answered")


def test_one_phrasing_an_answer_is_told_however_many_there_are(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, large=1500)
    project.ingest()
    assert (
        "only 0% of the answers stand for 3 questions or more. Expect it to learn them by heart"
        in (capsys.readouterr().out.splitlines()[-1])
    )


def test_several_phrasings_of_each_answer_are_not_warned_of(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("a.csv", "Q,A\n" + "".join(f"질문 {n} {m},대답 {n}\n" for n in range(10) for m in range(3)))
    assert project.ingest()["learnt"] == {"exchanges": 30, "questions": 30, "answers": 10, "rephrased": 30}
    assert "warning" not in capsys.readouterr().out
