"""The page gives the help lines to whom `tinychat chat` gives them: the same verdicts on the same messages."""

import json
import random
from typing import Any

import pytest

from tests.page.node import run_in_node
from tests.safety.phrases import UNSEEN, phrases, read_phrases, training_phrases
from tinychat.page.packing import deflated
from tinychat.page.safety_tables import classifier_weights, safety_tables
from tinychat.safety import classifier
from tinychat.safety.danger import MAX_CHARACTERS, is_classified, matches_rule
from tinychat.safety.help import help_in_danger

KEPT_APART = ("danger_apart", "harmless_apart")
TUNING = ("danger_tuning", "harmless_tuning", "songys_alarms")
UNCLEAR = ("요즘 사는 게 너무 힘들어", "이제 그만하고 싶어")
# Characters that the languages, or careless code, take differently.
ODD = [*"\u200b\ufeff\x1c\x85\u2028\u3000😀\u0301İß²①٣𝟘_.…?'\ud800Σ가 \t\r\n~ㅋ", "ㅈㅏ", "ㅇㅇㅇ", "ㅠㅠ", "!\n"]
Case = tuple[str, str]  # a message, and the same person's before it


def in_page(cases: list[Case], *, on: bool = True) -> list[list[Any]]:
    """Of each message: whether a rule matches, whether the classifier takes it for danger, and what the page says."""
    tables = deflated(json.dumps({"safety": safety_tables() if on else None}).encode())
    weights = deflated(classifier_weights()) if on else ""
    found: list[list[Any]] = run_in_node("verdicts.mjs", {"tables": tables, "classifier": weights, "cases": cases})
    return found


def in_python(cases: list[Case]) -> list[list[Any]]:
    return [[matches_rule(text), is_classified(text, before), help_in_danger(text, before)] for text, before in cases]


def in_a_row(texts: list[str]) -> list[Case]:
    """Each text with the one before it."""
    return list(zip(texts, ["", *texts], strict=False))


def assert_equal(cases: list[Case]) -> list[list[Any]]:
    """That page and Python say the same; what they say."""
    verdicts = in_python(cases)
    different = [case for case, one, other in zip(cases, verdicts, in_page(cases), strict=True) if one != other]
    assert different == []
    return verdicts


def test_the_page_answers_phrases_kept_apart_as_python_does() -> None:
    verdicts = assert_equal(in_a_row([text for name in KEPT_APART for text in phrases(name)]))
    assert 181 <= sum(lines is not None for _, _, lines in verdicts) <= 230


def test_a_message_is_read_with_the_one_before_it_and_an_english_one_gets_a_line_in_english() -> None:
    verdicts = assert_equal([(UNCLEAR[1], ""), (UNCLEAR[1], UNCLEAR[0]), ("I want to die", ""), ("죽고 싶어 ok", "")])
    assert [lines is not None for _, _, lines in verdicts] == [False, True, True, True]
    assert ["findahelpline" in lines for _, _, lines in verdicts[1:]] == [False, True, False]
    within_margin = ("원룸인데 창문으로 산이 보여", "처음으로 혼자 살아")
    assert assert_equal([within_margin]) == [[False, False, None]]


def test_a_page_without_it_says_nothing_of_its_own() -> None:
    assert in_page([("죽고 싶어", "")], on=False) == [[None, None, None]]


def test_what_the_help_lines_answered_is_not_read_by_the_model() -> None:
    roles = ["user", "assistant", "user", "help", "user", "help", "user", "assistant", "user"]
    assert run_in_node("heard.mjs", [{"role": role, "content": str(n)} for n, role in enumerate(roles)]) == list(
        "01678"
    )


@pytest.mark.slow
def test_the_page_answers_all_phrases_as_python_does() -> None:
    texts = [text for name in ("danger", "harmless") for text in training_phrases(name)]
    texts += [text for name in TUNING for text in phrases(name)]
    texts += [text for path in sorted(UNSEEN.glob("*.txt")) for text in read_phrases(path)]
    assert len(texts) > 19_000
    verdicts = assert_equal(in_a_row(texts))
    assert sum(lines is not None for _, _, lines in verdicts) > 7000


@pytest.mark.slow
def test_the_page_answers_questions_of_every_day_as_python_does(songys: list[tuple[str, str]]) -> None:
    assert_equal(in_a_row([question for question, _ in songys[::3]]))


@pytest.mark.slow
def test_odd_characters_change_nothing_of_that() -> None:
    draw = random.Random(0)
    texts = draw.sample([*training_phrases("danger"), *training_phrases("harmless")], 3000)
    for n, text in enumerate(texts):
        places = sorted(draw.choices(range(len(text) + 1), k=draw.randint(1, 4)), reverse=True)
        for place in places:
            text = text[:place] + draw.choice(ODD) + text[place:]
        texts[n] = text
    assert_equal(in_a_row(texts))


@pytest.mark.slow
@pytest.mark.parametrize("filling", ["가나 다라 ", "😀", "밥을 먹고 학교에 갔다. "])
def test_of_a_very_long_message_both_read_the_same_ends(filling: str) -> None:
    filled = filling * (2 * MAX_CHARACTERS // len(filling) + 1)
    verdicts = assert_equal([(f"죽고 싶어 {filled}", ""), (f"{filled} 죽고 싶어", ""), (filled, "죽고 싶어")])
    assert [matched for matched, _, _ in verdicts] == [True, True, False]


def test_the_weights_of_the_classifier_are_carried_as_they_are() -> None:
    assert memoryview(classifier_weights()).cast("b") == classifier.load().weights
