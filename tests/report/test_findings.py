from typing import Any

import pytest

from tinychat.corpus.amount import Learnt
from tinychat.report.comparison import share
from tinychat.report.findings import Finding, find
from tinychat.report.inputs import Epoch

FALLING = [Epoch(1, 3.0, 3.0), Epoch(2, 2.0, 2.0)]


ENOUGH = Learnt(exchanges=1000, questions=1000, answers=100, rephrased=1000)  # of which nothing is said


def measured(
    exact: float, f1: float = 0.5, nearest: float = 0.5, bits: float = 1.0, unigram: float = 2.0, asked: int = 200
) -> Any:
    return {
        "dialogues": asked,
        "bits_per_byte": bits,
        "replies": {"asked": asked, "exact": exact, "char_f1": f1, "copied": 0.8},
        "baselines": {"unigram": {"bits_per_byte": unigram}, "nearest_question": {"exact": 0.0, "char_f1": nearest}},
    }


def keys(seen: Any, held_out: Any, history: list[Epoch] = FALLING) -> list[str]:
    return [finding.key for finding in find({"seen": seen, "held_out": held_out}, history, ENOUGH)]


@pytest.mark.parametrize(
    ("seen", "held_out", "key"),
    [
        (0.95, 0.03, "memorised"),
        (0.95, 0.60, "generalises"),
        (0.30, 0.05, "knows_some"),
        (0.05, 0.00, "learned_little"),
    ],
)
def test_what_it_knows_of_seen_and_of_new_questions(seen: float, held_out: float, key: str) -> None:
    assert keys(measured(seen), measured(held_out))[0] == key


@pytest.mark.parametrize(("f1", "key"), [(0.6, "nearest_better"), (0.51, "nearest_same"), (0.4, "nearest_worse")])
def test_whether_it_answers_better_than_the_nearest_question(f1: float, key: str) -> None:
    assert keys(measured(1), measured(0, f1=f1))[1] == key


@pytest.mark.parametrize(("bits", "key"), [(1.5, "unigram_better"), (2.01, "unigram_same"), (2.5, "unigram_worse")])
def test_whether_it_predicts_better_than_frequencies(bits: float, key: str) -> None:
    assert keys(measured(1), measured(0, bits=bits))[2] == key


def test_a_validation_loss_that_rose_is_told_with_its_lowest_epoch() -> None:
    history = [Epoch(1, 3.0, 3.0), Epoch(2, 2.0, 2.5), Epoch(3, 1.0, 4.0)]
    found = find({"seen": measured(1), "held_out": measured(0)}, history, ENOUGH)[-1]
    assert (found.key, found.values) == ("validation_rose", {"epoch": "2", "lowest": "2.50", "last": "4.00"})
    assert "validation_rose" not in keys(measured(1), measured(0))


def test_nothing_held_out_is_said_and_nothing_is_claimed_of_new_questions() -> None:
    assert keys(measured(1), None, [Epoch(1, 1.0, None)]) == ["knows_seen", "nothing_held_out"]


def test_dialogues_without_questions_give_no_finding_about_replies() -> None:
    silent = {**measured(0), "replies": None}
    silent["baselines"] = {**silent["baselines"], "nearest_question": None}
    assert keys(silent, silent) == ["unigram_better"]


def found_in(**accepted: float) -> list[tuple[str, str, dict[str, str]]]:
    """Key, tone and values of what is said about the measures of the corpus."""
    measures = {name: {"asked": 200, "accepted": part} for name, part in accepted.items()}
    found = find({"seen": None, "held_out": None, "measures": measures}, FALLING, ENOUGH)
    return [(one.key, one.tone, one.values) for one in found if one.key != "nothing_held_out"]


@pytest.mark.parametrize(("usual", "tone"), [(0.985, "good"), (0.7, "plain"), (0.3, "bad")])
def test_how_many_names_are_remembered_is_told_with_the_odd_ones(usual: float, tone: str) -> None:
    assert found_in(name=usual, name_odd=0.25) == [("names", tone, {"usual": share(usual), "odd": "25.0%"})]


@pytest.mark.parametrize(
    ("recognised", "wrongly", "tone"),
    [(0.95, 0.04, "good"), (0.95, 0.2, "plain"), (0.78, 0.04, "plain"), (0.3, 0.04, "bad"), (1.0, 0.9, "bad")],
)
def test_whoever_calls_everything_unknown_is_not_praised_for_questions_from_outside(
    recognised: float, wrongly: float, tone: str
) -> None:
    values = {"recognised": share(recognised), "wrongly": share(wrongly)}
    assert found_in(unknown_by_hand=recognised, taken_for_unknown=wrongly) == [("outside", tone, values)]


def test_of_measures_that_are_not_there_nothing_is_said() -> None:
    assert found_in(polite=0.2, name=1.0, unknown_by_hand=1.0) == []


def test_what_the_corpus_measures_is_told_right_behind_what_is_known() -> None:
    names = {name: {"asked": 200, "accepted": 1.0} for name in ("name", "name_odd")}
    found = find({"seen": measured(1), "held_out": measured(0), "measures": names}, FALLING, ENOUGH)
    assert [one.key for one in found] == ["memorised", "names", "nearest_same", "unigram_better"]


def test_where_several_answers_are_right_the_phrasings_show_what_was_learnt() -> None:
    measures = {"seen": {"asked": 200, "accepted": 0.9}, "near": {"asked": 200, "accepted": 0.75}}
    found = find({"seen": measured(0.4), "held_out": measured(0.7), "measures": measures}, FALLING, ENOUGH)
    assert found[0] == Finding("phrasings", "good", {"seen": share(0.9), "near": share(0.75)})
    assert "generalises" not in [one.key for one in found]


@pytest.mark.parametrize(("asked", "tone"), [(29, "plain"), (30, "good")])
def test_nothing_is_called_good_that_rests_on_fewer_than_thirty_questions(asked: int, tone: str) -> None:
    found = find({"seen": measured(1, asked=asked), "held_out": None}, FALLING, ENOUGH)
    assert [(one.key, one.tone) for one in found] == [("knows_seen", tone), ("nothing_held_out", "plain")]


def test_of_few_held_out_questions_nothing_is_said_but_that_they_are_few() -> None:
    found = find({"seen": measured(1), "held_out": measured(1, f1=0.9, asked=7)}, FALLING, ENOUGH)
    assert [(one.key, one.tone) for one in found] == [("knows_seen", "good"), ("few_held_out", "plain")]
    assert found[-1].values == {"asked": "7"}


@pytest.mark.parametrize("name", ["near", "seen"])
def test_few_questions_of_a_measure_of_the_corpus_call_nothing_good_either(name: str) -> None:
    measures = {key: {"asked": 9 if key == name else 200, "accepted": 1.0} for key in ("seen", "near")}
    found = find({"seen": None, "held_out": None, "measures": measures}, FALLING, ENOUGH)
    assert (found[0].key, found[0].tone) == ("phrasings", "plain")


def test_little_data_is_told_in_numbers_beside_what_it_copies_and_what_copying_gives() -> None:
    little = Learnt(exchanges=900, questions=890, answers=880, rephrased=9)
    found = find({"seen": measured(1), "held_out": measured(0.01)}, FALLING, little)
    amount, copies = found[1], found[2]
    assert (amount.key, amount.tone, amount.values) == ("amount_few", "bad", {"questions": "890", "answers": "880"})
    assert (copies.key, copies.values) == ("copies", {"copied": "80.0%", "exact": "1.0%", "nearest": "0%"})


def test_answers_with_one_phrasing_are_told_however_many_there_are() -> None:
    many = Learnt(exchanges=10_000, questions=10_000, answers=8_000, rephrased=1_800)
    found = find({"seen": measured(1), "held_out": None}, FALLING, many)
    assert found[1] == Finding("amount_by_heart", "bad", {"answers": "10,000", "rephrased": "18.0%"})
