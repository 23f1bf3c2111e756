from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tinychat.corpus.text_keys import text_key
from tinychat.starter.evaluation_set import MAX_PER_MEASURE, ODD_NAMES, EvalDialogue, evaluation_set
from tinychat.starter.expanding import Expansion
from tinychat.starter.nearness import is_near, stems
from tinychat.starter.reading import SceneExchange, Starter, read_starter

LATER = ("near_later", "unknown_later", "statements_later", "advice_later")
FEWER = ("name_other", "name_odd", "with_details", "advice_by_hand", "advice_by_template", *LATER)
MEASURES = {
    "seen",
    "near",
    "far",
    "taken_for_unknown",
    "with_details",
    "follow_up",
    "follow_up_new_topic",
    "unknown_by_hand",
    "unknown_by_template",
    "statement_by_hand",
    "statement_by_template",
    "advice_by_hand",
    "advice_by_template",
    "hard_negative",
    *LATER,
    "name",
    "name_asked_anew",
    "name_corrected",
    "name_other",
    "name_odd",
    "name_told",
}


@pytest.fixture(scope="module")
def by_measure(expand: Callable[[int], Any]) -> dict[str, list[EvalDialogue]]:
    found: dict[str, list[EvalDialogue]] = defaultdict(list)
    for one in expand(0)[2]:
        found[one.measure].append(one)
    return dict(found)


@pytest.fixture(scope="module")
def expansion(expand: Callable[[int], Any]) -> Expansion:
    result: Expansion = expand(0)[0]
    return result


def asked(one: EvalDialogue) -> str:
    return one.dialogue.turns[-2].content


@pytest.mark.slow
def test_there_is_every_measure_and_enough_of_each(by_measure: dict[str, list[EvalDialogue]]) -> None:
    assert set(by_measure) == MEASURES
    assert len(by_measure["seen"]) == MAX_PER_MEASURE
    assert len(by_measure["near"]) > 400
    assert all(len(found) > 100 for name, found in by_measure.items() if name not in FEWER)
    assert len(by_measure["with_details"]) > 50
    assert all(len(by_measure[name]) > 80 for name in ("advice_by_hand", "advice_by_template", *LATER))
    assert len(by_measure["name_other"]) == MAX_PER_MEASURE // 4
    assert len(by_measure["name_odd"]) >= 3 * len(ODD_NAMES)


@pytest.mark.slow
def test_the_real_answer_is_accepted_but_where_it_measures_the_wrong_ones(
    by_measure: dict[str, list[EvalDialogue]],
) -> None:
    for name, found in by_measure.items():
        for one in found:
            assert (one.dialogue.turns[-1].content in one.accept) == (name != "taken_for_unknown")


@pytest.mark.slow
def test_the_replies_accepted_are_the_intents_own_and_no_others(
    starter: Starter, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    intents = starter.intents.values()
    intent_of = {phrasing: intent for intent in intents for phrasing in (*intent.ask, *intent.with_details)}
    for name in ("seen", "near", "far", "with_details"):
        assert all(one.accept == intent_of[asked(one)].answers for one in by_measure[name])
    for name in ("unknown_by_hand", "unknown_by_template", "taken_for_unknown"):
        assert all(one.accept == starter.out_of_scope["unknown"].answers for one in by_measure[name])


@pytest.mark.slow
def test_seen_phrasings_are_trained_on_and_are_no_new_dialogues(
    expansion: Expansion, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    splits = [*expansion.phrasings.values(), *expansion.with_details.values()]
    trained = {phrasing for split in splits for phrasing in split.train}
    assert all(asked(one) in trained and one.repeats for one in by_measure["seen"])
    assert len({asked(one) for one in by_measure["seen"]}) == MAX_PER_MEASURE


@pytest.mark.slow
def test_near_and_far_are_all_that_is_held_out_for_the_test_each_once(
    expansion: Expansion, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    held_out = sorted(phrasing for split in expansion.phrasings.values() for phrasing in split.test)
    assert sorted(asked(one) for name in ("near", "far") for one in by_measure[name]) == held_out


@pytest.mark.slow
def test_near_means_that_every_word_begins_as_one_that_is_trained_on_in_the_same_intent(
    expansion: Expansion, starter: Starter, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    intent_of = {phrasing: intent.name for intent in starter.intents.values() for phrasing in intent.ask}
    for name in ("near", "far"):
        for one in by_measure[name]:
            known = {word for phrasing in expansion.phrasings[intent_of[asked(one)]].train for word in stems(phrasing)}
            assert (stems(asked(one)) <= known) == (name == "near")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phrasing", "others", "near"),
    [
        ("배고파서 힘들어", ["배고프다", "배고파", "힘들다"], True),
        ("배고파서 힘들어", ["배고파"], False),
        ("나 배고파!!", ["배고파"], True),  # 나: one syllable counts as nothing
        ("나 배고파 ㅋㅋ", ["배고파"], True),
        ("AI가 뭐야", ["ai는 누구야", "뭐야"], True),
        ("AI가 뭐야", ["뭐야"], False),
        ("응", ["그래"], True),
        ("배고파", [], False),
    ],
)
def test_a_word_is_known_by_its_first_two_syllables(phrasing: str, others: list[str], near: bool) -> None:
    assert is_near(phrasing, others) == near


@pytest.mark.slow
def test_what_may_be_taken_for_unknown_is_what_is_near(by_measure: dict[str, list[EvalDialogue]]) -> None:
    wrongly = by_measure["taken_for_unknown"]
    assert [asked(one) for one in wrongly] == [asked(one) for one in by_measure["near"]]
    assert all(one.repeats for one in wrongly)


@pytest.mark.slow
def test_only_what_was_trained_on_or_measured_before_repeats(by_measure: dict[str, list[EvalDialogue]]) -> None:
    repeating = {name for name, found in by_measure.items() if any(one.repeats for one in found)}
    assert repeating == {"seen", "taken_for_unknown", *LATER}


@pytest.mark.slow
def test_questions_from_outside_are_held_out_ones(
    expansion: Expansion, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    held_out = [text for split in expansion.out_of_scope["unknown"].by_subject.values() for text in split.test]
    assert [asked(one) for one in by_measure["unknown_by_hand"]] == held_out
    by_template = [asked(one) for one in by_measure["unknown_by_template"]]
    assert len(set(by_template)) == len(by_template)


@pytest.mark.slow
def test_hard_negatives_are_held_out_ones_of_each_kind_and_measured_by_themselves(
    expand: Callable[[int], Any], expansion: Expansion, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    measured = {text_key(asked(one)): one.accept for one in by_measure["hard_negative"]}
    assert {*measured.values()} == {split.texts.answers for split in expansion.out_of_scope.values()}
    others = {text_key(asked(one)) for name, found in by_measure.items() if name != "hard_negative" for one in found}
    _, training, _ = expand(0)
    trained = {text_key(turn.content) for dialogue in training for turn in dialogue.turns if turn.role == "user"}
    assert not measured.keys() & (others | trained)


@pytest.mark.slow
def test_names_are_measured_that_nobody_has_in_training(
    expand: Callable[[int], Any], by_measure: dict[str, list[EvalDialogue]]
) -> None:
    _, training, _ = expand(0)
    trained = {dialogue.slot_values["name"] for dialogue in training if "name" in dialogue.slot_values}
    for name in ("name", "name_asked_anew", "name_other", "name_odd", "name_told"):
        assert not trained & {one.dialogue.slot_values["name"] for one in by_measure[name]}


@pytest.mark.slow
def test_a_usual_name_is_one_that_the_lists_can_make(
    starter: Starter, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    names = starter.names
    usual = {*names.whole, *(first + second for first in names.first for second in names.second)}
    for name in ("name", "name_asked_anew", "name_told"):
        measured_names = {one.dialogue.slot_values["name"] for one in by_measure[name]}
        assert measured_names <= usual
        assert len(measured_names) > 80
        ordinary = {*names.first, *names.second}
        assert all({*name} <= ordinary for name in measured_names)
    other = {one.dialogue.slot_values["name"] for one in by_measure["name_other"]}
    assert other <= {*names.whole}
    assert len(other) > 20
    assert not any({*name} <= ordinary for name in other)
    assert {one.dialogue.slot_values["name"] for one in by_measure["name_odd"]} == set(ODD_NAMES)
    assert not usual & set(ODD_NAMES)


@pytest.mark.slow
def test_a_name_that_is_told_stands_in_the_last_exchange_only(by_measure: dict[str, list[EvalDialogue]]) -> None:
    dialogues = by_measure["name_told"]
    assert len(dialogues) == MAX_PER_MEASURE // 2
    for one in dialogues:
        *before, question, answer = (turn.content for turn in one.dialogue.turns)
        name = one.dialogue.slot_values["name"]
        assert name in question
        assert name in answer
        assert not any(f"{name}님" in text for text in before)
    exchanges = Counter(len(one.dialogue.turns) // 2 for one in dialogues)
    assert set(exchanges) == {1, 2}
    assert min(exchanges.values()) > 50


@pytest.mark.slow
def test_every_reply_accepted_for_a_name_has_the_name(by_measure: dict[str, list[EvalDialogue]]) -> None:
    for name in ("name", "name_asked_anew", "name_other", "name_odd", "name_told"):
        for one in by_measure[name]:
            assert all(f"{one.dialogue.slot_values['name']}님" in reply for reply in one.accept)


@pytest.mark.slow
def test_what_is_right_besides_is_accepted_and_not_trained_on(
    expand: Callable[[int], Any], starter: Starter, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    last = starter.scenes["name_asked_twice"].steps[-1]
    assert isinstance(last, SceneExchange)
    assert len(last.also) >= 4
    twice = [one for one in by_measure["name"] if len(one.accept) == len({*last.bot, *last.also})]
    assert len(twice) > 20
    trained = {dialogue.turns[-1].content for dialogue in expand(0)[1] if asks_twice(dialogue.turns[-2].content, last)}
    assert len(trained) > 50
    assert all(any(_frame(answer) in text for answer in last.bot) for text in trained)


def asks_twice(text: str, last: SceneExchange) -> bool:
    return text in last.user


def _frame(answer: str) -> str:
    """The longest part of an answer beside its slot."""
    return max(answer.split("{name}"), key=len)


@pytest.mark.slow
def test_a_name_is_told_one_to_seven_turns_before_it_is_asked_for(by_measure: dict[str, list[EvalDialogue]]) -> None:
    back = set()
    for one in by_measure["name"]:
        user_turns = [turn.content.replace(" ", "") for turn in one.dialogue.turns[:-2:2]]
        place = max(n for n, text in enumerate(user_turns) if one.dialogue.slot_values["name"] in text)
        back.add(len(user_turns) - place)
    assert {1, 2, 3, 4, 5, 6} <= back <= {1, 2, 3, 4, 5, 6, 7}


@pytest.mark.slow
def test_a_name_is_asked_for_in_a_trained_way_or_anew_in_one_that_is_held_out(
    expansion: Expansion, by_measure: dict[str, list[EvalDialogue]]
) -> None:
    last = [
        split
        for (name, number), split in expansion.scene_phrasings.items()
        if number == len(expansion.starter.scenes[name].steps) - 1
    ]
    held_out = {text_key(phrasing) for split in last for phrasing in split.test}
    anew = [text_key(asked(one)).rstrip("ㅋㅎㅠㅜ") in held_out for one in by_measure["name_asked_anew"]]
    assert sum(anew) > 0.9 * len(anew)  # the others are misspelled
    assert not {text_key(asked(one)).rstrip("ㅋㅎㅠㅜ") for one in by_measure["name"]} & held_out


@pytest.mark.slow
def test_the_metadata_says_what_is_measured_and_what_is_right(by_measure: dict[str, list[EvalDialogue]]) -> None:
    new, seen = by_measure["near"][0], by_measure["seen"][0]
    assert new.metadata() == {"measure": "near", "accept": list(new.accept)}
    assert seen.metadata() == {"measure": "seen", "accept": list(seen.accept), "repeats": True}


@pytest.mark.slow
def test_measuring_the_same_corpus_gives_the_same_dialogues(folder: Any) -> None:
    starter = read_starter(folder.write())
    assert list(evaluation_set(Expansion(starter, 0))) == list(evaluation_set(Expansion(starter, 0)))


@pytest.mark.slow
def test_a_scene_in_which_only_the_bot_says_a_name_does_not_measure_whether_it_is_called(folder: Any) -> None:
    scenes = folder.contents["scenes/names.yaml"]["scenes"]
    scenes["guessed"] = {"turns": [{"user": ["내가 누구게?", "누구게?"], "bot": ["{name}님이죠?"]}]}
    dialogues = [
        one for one in evaluation_set(Expansion(read_starter(folder.write()), 0)) if one.measure == "name_told"
    ]
    assert dialogues
    assert all(one.dialogue.turns[-1].content.startswith("반가워요") for one in dialogues)
