"""What is recognised as talk of harming oneself, and what is not. The figures: `python -m tests.safety.figures`."""

import dataclasses
import unicodedata
from pathlib import Path

import pytest

from tests.safety.phrases import phrases, starter_texts
from tinychat.safety.danger import MAX_CHARACTERS, RULES, matches_rule, recognises_danger, sentences
from tinychat.safety.rules import Rule


def test_of_the_phrases_kept_apart_at_least_96_percent_are_recognised() -> None:
    apart = phrases("danger_apart")
    assert len(apart) == 188
    assert sum(map(recognises_danger, apart)) >= 181


def test_no_harmless_phrase_kept_apart_is_taken_for_danger() -> None:
    assert len(phrases("harmless_apart")) == 208
    assert [text for text in phrases("harmless_apart") if recognises_danger(text)] == []


@pytest.mark.parametrize("text", phrases("danger_tuning"))
def test_it_is_recognised(text: str) -> None:
    assert recognises_danger(text)


@pytest.mark.parametrize("text", phrases("harmless_tuning"))
def test_it_is_not_taken_for_danger(text: str) -> None:
    assert not recognises_danger(text)


@pytest.mark.slow
def test_songys_questions_taken_for_danger_are_those_that_were_read(songys: list[tuple[str, str]]) -> None:
    asked = {question for question, _ in songys}
    assert {question for question in asked if matches_rule(question)} == set(phrases("songys_alarms"))
    assert sum(map(recognises_danger, asked)) < 0.02 * len(asked)  # many of them are of heartbreak


@pytest.mark.slow
def test_nothing_in_the_starter_corpus_is_taken_for_danger(repo: Path) -> None:
    texts = starter_texts(repo / "data/starter")
    assert len(texts) > 5000
    assert [text for text in texts if recognises_danger(text)] == []


@pytest.mark.parametrize("behind", ["ㅋㅋㅋㅋ", " ㅠㅠ", "...", "!!!", "~~ 😭", "\u200b", "?", "\n배고프다"])
@pytest.mark.parametrize("text", ["죽고 싶어", "더는 못 살겠어", "유서 썼어", "I want to die"])
def test_what_stands_behind_hides_nothing(text: str, behind: str) -> None:
    assert recognises_danger(text + behind)


@pytest.mark.parametrize(
    "text",
    [
        unicodedata.normalize("NFD", "죽고 싶어"),
        "죽고싶어",
        "죽 고 싶 어",
        "죽.고.싶.어",
        "죽고... 싶어",
        "죽고 ㅋㅋ 싶어",
        "죽고\u200b 싶어",
        "죽고 싶어어어어어",
        "죽고 시퍼",
        "죽구 십다",
        "ㅈㅜㄱ고 싶어",
        "밥 먹었어. 죽고 싶어",
        "I WANT TO DIE",
        "i don’t want to live",
    ],
)
def test_spelling_hides_nothing(text: str) -> None:
    assert recognises_danger(text)


def test_a_rule_does_not_reach_over_the_end_of_a_sentence() -> None:
    assert matches_rule("죽고 싶다") and not matches_rule("친구랑 싸우고. 싶다")
    assert sentences("게임에서 죽었어. 한강 가자!\n응? 가자") == ["게임에서 죽었어", "한강 가자", "응?", "가자"]


@pytest.mark.parametrize("text", ["", " ", "\n", "ㅋㅋㅋ", "...", "?", "😀", "\ud800"])
def test_a_message_that_says_nothing_is_no_danger(text: str) -> None:
    assert not recognises_danger(text)


@pytest.mark.parametrize("text", ["{} 죽고 싶어", "죽고 싶어 {}"])
def test_both_ends_of_a_very_long_message_are_read(text: str) -> None:
    assert recognises_danger(text.format("가나 다라 " * MAX_CHARACTERS))


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.description)
def test_no_rule_is_hidden_by_the_words_it_looks_for_first(rule: Rule) -> None:
    for text in (*phrases("danger_tuning"), *phrases("danger_apart")):
        for sentence in sentences(text):
            assert dataclasses.replace(rule, keywords=sentence).matches(sentence) == rule.matches(sentence)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.description)
def test_every_rule_recognises_a_phrase(rule: Rule) -> None:
    assert any(rule.matches(sentence) for text in phrases("danger_tuning") for sentence in sentences(text))
