from tinychat.report.measures import NONE, Cell, measure_groups, share

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
    assert found["loss"] == Cell("6.600", "6.700", wins=True)
    assert found["perplexity"] == Cell("1,234.50", "800.00", wins=False)
    assert found["char_f1"] == Cell("0.140", "0.170", wins=False)


def test_nobody_wins_where_both_are_equal_or_one_is_missing_or_no_direction_is_better() -> None:
    found = cells(0)
    assert found["exact"] == Cell("5.0%", "5.0%", wins=None)
    assert found["next_token_accuracy"] == Cell("12.0%", NONE, wins=None)
    assert found["copied"] == Cell("57.0%", NONE, wins=None)


def test_a_split_that_was_not_measured_has_no_numbers() -> None:
    assert set(cells(1).values()) == {Cell(NONE, NONE, wins=None)}


def test_a_share_of_all_or_of_nothing_is_written_without_a_fraction() -> None:
    assert (share(1.0), share(0.0), share(0.0476)) == ("100%", "0%", "4.8%")


def test_equal_numbers_as_they_are_written_have_no_winner() -> None:
    close = {"replies": {"char_f1": 0.1249}, "baselines": {"nearest_question": {"char_f1": 0.1253}}}
    groups = measure_groups({"held_out": close, "seen": None})
    cell = next(row[0] for group in groups for measure, row in group.rows if measure.key == "char_f1")
    assert (cell.model, cell.baseline, cell.wins) == ("0.125", "0.125", None)
