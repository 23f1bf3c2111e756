"""The page knows as Python does what a user told of themselves, and asks for."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.generation.asking import asked
from tests.page.node import run_in_node
from tests.tokenizer.test_told_facts import ASKED, TOLD, UNSEEN
from tinychat.page.packing import fact_tables, name_patterns
from tinychat.starter.particles import fill
from tinychat.starter.reading import SceneExchange, read_starter
from tinychat.tokenizer.chat import Message
from tinychat.tokenizer.told_facts import ToldFacts

SCENES = {
    **{f"{slot}_recall": slot for slot in ("food", "animal", "hobby", "color", "skill", "pet")},
    "disliked_food_recall": "food",
    "meal_recall": "food",
}
BEHIND = (
    "",
    "이에요",
    "예요!",
    "을 제일 좋아한다고",
    "를 드셨어요",
    " 어때요?",
    "집",
    "은 못",
    " 치는 거",
    ", 좋죠",
    "라고",
)
ODD = [*"\n .,!?~😀İß　\u200b이가을를", "ㅎㅎ", "진짜 ", "나는 "]
Case = tuple[list[Message], list[str]]


def in_page(cases: list[Case]) -> list[Any]:
    asked = {"names": name_patterns(), "facts": fact_tables(), "cases": cases}
    return run_in_node("facts.mjs", asked)


def in_python(cases: list[Case]) -> list[Any]:
    found = []
    for messages, replies in cases:
        told = ToldFacts(messages)
        may_follow = [told.may_follow(reply) for reply in replies] if told.words else []
        found.append([told.words, told.ending, [told.are_said(reply) for reply in replies], may_follow])
    return found


def cases_of(talks: Iterator[list[str]]) -> list[Case]:
    cases: list[Case] = []
    for said in talks:
        turns = [turn for text in said[:-1] for turn in (text, "네!")]
        words = [word for text in said for word in text.split()]
        replies = [*BEHIND, *words, *(f"아까 {word}라고 하셨어요" for word in words)]
        cases.append((asked(*turns, said[-1]), replies))
    return cases


def assert_equal(cases: list[Case]) -> list[list[str]]:
    """That page and Python say the same; the words."""
    found = in_python(cases)
    different = [
        (case[0], one, other) for case, one, other in zip(cases, found, in_page(cases), strict=True) if one != other
    ]
    assert different == []
    return [words for words, *_ in found]


def test_what_is_told_and_asked_for_in_the_tests_is_the_same_in_the_page() -> None:
    talks = [[told, asking] for told, *_ in TOLD for asking, _ in ASKED]
    words = assert_equal(cases_of(iter(talks)))
    assert sum(map(bool, words)) > 100


def test_talks_of_others_give_the_same_in_the_page() -> None:
    talks = [
        talk["say"]
        for folder in ("told_first", "told_second", "told_third")
        for name in ("talks", "traps")
        for talk in yaml.safe_load((UNSEEN / folder / f"{name}.yaml").read_text(encoding="utf-8"))
    ]
    words = assert_equal(cases_of(iter(talks)))
    assert sum(map(bool, words)) > 150


@pytest.mark.slow
def test_each_phrasing_of_the_sample_gives_the_same_in_the_page(repo: Path) -> None:
    starter, talks = read_starter(repo / "data/starter"), []
    for name, slot in SCENES.items():
        steps = [step for step in starter.scenes[name].steps if isinstance(step, SceneExchange)]
        words = random.Random(name).sample(list(starter.slots[slot]), 12)
        talks += [[fill(told, {slot: word}), steps[-1].user[0]] for told in steps[0].user for word in words]
        talks += [[fill(steps[0].user[0], {slot: words[0]}), asking] for asking in steps[-1].user]
    assert sum(map(bool, assert_equal(cases_of(iter(talks))))) > 1_000


@pytest.mark.slow
def test_odd_characters_change_nothing_of_that() -> None:
    draw, talks = random.Random(0), []
    for told, *_ in TOLD * 3:
        for asking, _ in ASKED[::4]:
            texts = [told, asking]
            for _ in range(draw.randint(1, 3)):
                n = draw.randint(0, 1)
                place = draw.randint(0, len(texts[n]))
                texts[n] = texts[n][:place] + draw.choice(ODD) + texts[n][place:]
            talks.append(texts)
    assert_equal(cases_of(iter(talks)))
