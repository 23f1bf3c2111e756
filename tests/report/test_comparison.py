import pytest

from tinychat.report.comparison import ABILITIES, NONE, Cell, abilities, better_copy, measure_groups, share
from tinychat.report.words import LANGUAGES

HELD_OUT = {
    "dialogues": 20,
    "loss": 6.6,
    "perplexity": 1234.5,
    "bits_per_byte": 2.6,
    "next_token_accuracy": 0.12,
    "replies": {"exact": 0.05, "char_f1": 0.14, "copied": 0.57, "ends_by_itself": 1.0},
    "baselines": {
        "unigram": {"loss": 6.7, "perplexity": 800.0, "bits_per_byte": 2.6},
        "nearest_question": {"exact": 0.05, "char_f1": 0.17},
    },
}


def cells(split: int) -> dict[str, Cell]:
    groups = measure_groups({"held_out": HELD_OUT, "seen": None})
    return {measure.key: row[split] for group in groups for measure, row in group.rows}


def test_the_better_of_model_and_baseline_wins_by_the_direction_of_the_measure() -> None:
    found = cells(0)
    assert found["loss"] == Cell("6.600", "6.700", model_wins=True)
    assert found["perplexity"] == Cell("1,234.50", "800.00", model_wins=False)
    assert found["char_f1"] == Cell("0.140", "0.170", model_wins=False)


def test_nobody_wins_where_both_are_equal_or_one_is_missing_or_no_direction_is_better() -> None:
    found = cells(0)
    assert found["exact"] == Cell("5.0%", "5.0%", model_wins=None)
    assert found["next_token_accuracy"] == Cell("12.0%", NONE, model_wins=None)
    assert found["copied"] == Cell("57.0%", NONE, model_wins=None)


def test_a_split_that_was_not_measured_has_no_numbers() -> None:
    assert set(cells(1).values()) == {Cell(NONE, NONE, model_wins=None)}


def test_a_share_of_all_or_of_nothing_is_written_without_a_fraction() -> None:
    assert (share(1.0), share(0.0), share(0.0476)) == ("100%", "0%", "4.8%")


def test_the_model_is_held_against_the_copy_that_is_better() -> None:
    copies = {"nearest_question": {"exact": 0.3, "char_f1": 0.4}, "nearest_dialogue": {"exact": 0.5, "char_f1": 0.6}}
    assert better_copy({"baselines": copies}) == copies["nearest_dialogue"]
    assert better_copy({"baselines": {**copies, "nearest_dialogue": None}}) == copies["nearest_question"]
    assert better_copy({"baselines": dict.fromkeys(copies)}) is None
    held_out = {"replies": {"exact": 0.4, "char_f1": 0.5}, "baselines": copies}
    groups = measure_groups({"held_out": held_out, "seen": None})
    cell = next(row[0] for group in groups for measure, row in group.rows if measure.key == "char_f1")
    assert cell == Cell("0.500", "0.600", model_wins=False)


def test_equal_numbers_as_they_are_written_have_no_winner() -> None:
    close = {"replies": {"char_f1": 0.1249}, "baselines": {"nearest_question": {"char_f1": 0.1253}}}
    groups = measure_groups({"held_out": close, "seen": None})
    cell = next(row[0] for group in groups for measure, row in group.rows if measure.key == "char_f1")
    assert (cell.model, cell.baseline, cell.model_wins) == ("0.125", "0.125", None)


def corpus_measure(accepted: float, asked: int = 1012) -> dict[str, float]:
    return {"asked": asked, "accepted": accepted, "ends_by_itself": 1.0, "well_formed": 0.998}


def test_what_the_corpus_measures_stands_in_the_order_of_the_page_and_its_own_names_last() -> None:
    measures = {name: corpus_measure(0.5) for name in ("polite", "name", "taken_for_unknown", "seen")}
    found = abilities({"seen": None, "held_out": None, "measures": measures})
    assert [(one.measure.key, one.known) for one in found] == [
        ("seen", True),
        ("taken_for_unknown", True),
        ("name", True),
        ("polite", False),
    ]
    assert (found[0].asked, found[0].share, found[0].well_formed) == ("1,012", "50.0%", "99.8%")


def test_of_questions_that_are_wrongly_called_unknown_fewer_are_better_and_of_all_else_more() -> None:
    lower = [measure.key for measure in ABILITIES if measure.better != "higher"]
    assert lower == ["taken_for_unknown"]
    own = abilities({"measures": {"polite": corpus_measure(1)}})
    assert [one.measure.better for one in own] == ["higher"]


def test_a_corpus_without_measures_has_none_and_an_older_report_no_well_formed_replies() -> None:
    assert abilities({"seen": None, "held_out": None}) == []
    older = {"asked": 5, "accepted": 1.0, "ends_by_itself": 1.0}
    assert abilities({"measures": {"seen": older}})[0].well_formed == NONE


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_measure_of_the_starter_corpus_has_a_name_of_its_own_in_words(language: str) -> None:
    texts = LANGUAGES[language]
    names = [texts[f"ability.{measure.key}"] for measure in ABILITIES]
    assert len(set(names)) == len(ABILITIES)
    said = {key.split(".")[1] for key in texts if key.startswith("ability.")}
    assert said == {measure.key for measure in ABILITIES}
