"""The page knows the same names as Python: which one is the user's, and which may be called."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.generation.asking import asked
from tests.page.node import run_in_node
from tests.tokenizer import test_told_names as told_names_tests
from tinychat.page.packing import name_patterns
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import SceneExchange, read_starter
from tinychat.tokenizer.chat import Message
from tinychat.tokenizer.nouns import NOUNS
from tinychat.tokenizer.told_names import ToldNames, ends_with_consonant

TITLES = ["고객", "선생"]
ASKS = "내 이름이 뭐야?"
BEFORE = ("네!", "네, 민수님!", "네, 서연님!", "이름이 어떻게 되세요?", "뭐라고 부르면 될까요?", "아직 이름을 몰라요.")
REPLY = "고객님, {name}님, 반가워요! 팀장님도요. 님 좋은 이름이네요"
ODD = [*"\n .,!?~😀İß\u3000\u200b님이", "ㅎㅎ", "님님", "이라고"]
Case = tuple[list[Message], str]
Place = tuple[int, str] | None
Found = tuple[str | None, Place, int | None, Place]  # the name, the first untold one, where it is denied, or praised


def sentences(test: Any) -> list[str]:
    """The first value of each case of a test."""
    mark = next(mark for mark in test.pytestmark if mark.name == "parametrize")
    return [case if isinstance(case, str) else case[0] for case in mark.args[1]]


SAID = [
    text
    for test in (
        told_names_tests.test_a_name_told_in_so_many_words,
        told_names_tests.test_a_correction_counts_where_the_bot_called_a_name,
        told_names_tests.test_a_name_alone_tells_it_where_the_bot_asked_for_it,
        told_names_tests.test_what_is_no_name_tells_none_where_the_bot_asked_for_one,
        told_names_tests.test_a_name_is_told_whatever_else_the_sentence_is_about,
    )
    for text in sentences(test)
]


def cases_of(texts: list[str], names: tuple[str, ...] = ("서연", "민수")) -> Iterator[Case]:
    """Talks in which a text is said: first, behind what a bot may say before it, and behind another name."""
    for n, text in enumerate(texts):
        reply = REPLY.format(name=names[n % len(names)])
        yield asked(text), reply
        yield asked("나는 민수라고 해", BEFORE[1], text, "네", ASKS), reply
        for before in BEFORE:
            yield asked("안녕", before, text, "네!", ASKS), reply


def in_page(cases: list[Case]) -> list[Found]:
    asked = {"patterns": name_patterns(), "titles": TITLES, "cases": cases}
    return [
        (name, untold and tuple(untold), denial, praised and tuple(praised))
        for name, untold, denial, praised in run_in_node("names.mjs", asked)
    ]


def in_python(cases: list[Case]) -> list[Found]:
    return [
        (told.name, told.first_untold(reply), told.denial(reply), told.praised(reply))
        for told, reply in ((ToldNames(said, TITLES), reply) for said, reply in cases)
    ]


def assert_equal(cases: list[Case]) -> list[str | None]:
    """That page and Python say the same; the users' names."""
    found = in_python(cases)
    different = [case for case, one, other in zip(cases, found, in_page(cases), strict=True) if one != other]
    assert different == []
    return [name for name, *_ in found]


def test_a_name_that_answers_the_bots_question_is_the_users() -> None:
    cases = [
        (asked("안녕", "이름이 어떻게 되세요?", "서연이요", "반가워요!", ASKS), "네, 민수님!"),
        (asked("안녕", "뭐라고 부르면 될까요?", "글쎄", "네!", ASKS), "네, 민수님!"),
        (asked("안녕", "네!", "서연", "네!", ASKS), "네, 서연님!"),
    ]
    assert in_page(cases) == [
        ("서연", (3, "민수"), None, None),
        (None, (3, "민수"), None, None),
        (None, None, None, None),
    ]
    assert_equal(cases)


def test_what_told_names_is_tested_with_gives_the_same_in_the_page() -> None:
    names = assert_equal(list(cases_of(SAID)))
    assert len(SAID) > 70 and 100 < sum(name is not None for name in names) < len(names) - 100


def test_what_names_nobody_names_nobody_in_the_page_either() -> None:
    tests = (
        told_names_tests.test_what_is_said_of_something_else_is_nobodys_name,
        told_names_tests.test_what_somebody_is_is_called_only_where_it_is_told_as_a_name,
    )
    told = [case for test in tests for case in test.pytestmark[0].args[1]]
    cases = [(asked(said), f"{word}님!") for said, word in told]
    assert in_page(cases) == [(None, (0, word), None, None) for _, word in told] == in_python(cases)


@pytest.mark.slow
def test_each_phrasing_of_the_sample_gives_the_same_in_the_page(repo: Path) -> None:
    scenes = read_starter(repo / "data/starter").scenes.values()
    exchanges = [step for scene in scenes for step in scene.steps if isinstance(step, SceneExchange)]
    texts = dict.fromkeys(text for step in exchanges for text in step.user if slots_in(text))
    filled = []
    for name in ("서연", "도토리"):
        for text in texts:
            slots = {slot for slot, _ in slots_in(text)}
            filled.append(fill(text, {slot: name if slot == "name" else "민수" for slot in slots}))
    assert_equal(list(cases_of(filled)))


@pytest.mark.slow
def test_odd_characters_change_nothing_of_that() -> None:
    draw = random.Random(0)
    texts = SAID * 5
    for n, text in enumerate(texts):
        for _ in range(draw.randint(1, 3)):
            place = draw.randint(0, len(text))
            text = text[:place] + draw.choice(ODD) + text[place:]
        texts[n] = text
    assert_equal(list(cases_of(texts)))


@pytest.mark.slow
def test_messages_of_every_day_give_the_same_in_the_page(songys: list[tuple[str, str]]) -> None:
    assert_equal(list(cases_of([question for question, _ in songys[::20]])))


def test_the_page_takes_a_kind_of_people_for_a_name_where_python_does() -> None:
    words = ("수의사", "승마선수", "겁쟁이", "쌍둥이", "아이", "형수", "우주비행사", "라떼", "서연")
    said = [
        f"저는 {word}예요" if form is None else form.format(f"{word}이라" if ends_with_consonant(word) else f"{word}라")
        for word in words
        for form in (None, *told_names_tests.IS_ONE, "{}고 불러 줘", "나는 {}고 하면 돼")
    ]
    names = assert_equal(list(cases_of(said, words)))
    assert set(words) <= set(names)


def test_the_page_calls_nobody_by_what_they_are() -> None:
    words = [*sorted(NOUNS)[::10], "라떼", "남궁별", "하늘", "태국인", "쥐띠", "해인", "이해인"]
    cases = [(asked(f"저는 {word}이에요"), f"네, {word}님!") for word in words]
    expected = in_python(cases)
    assert in_page(cases) == expected
    assert [untold is None for _, untold, *_ in expected[-4:]] == [False, False, True, True]


def test_the_page_says_a_name_whole_too() -> None:
    names, befores = (
        ("서연", "제임스", "새봄", "홍길동"),
        ("", "네! ", "서 ", "제 ", "새 새 ", "홍길 ", "새봄 ", "네, "),
    )
    calls = [f"{before}{name[cut:]}님!" for before in befores for name in names for cut in range(len(name))]
    found = in_python(cases := [(asked(f"내 이름은 {name}"), call) for name in names for call in calls])
    assert in_page(cases) == found
    assert sum(untold is not None and " " in untold[1] for _, untold, *_ in found) == 8


RECALLS = ("네, 서연님!", "서연님이죠! 이름 안 까먹었어요", "이름을 안 잊었어요", "서연님, 아직 이름을 몰라요")


def test_the_page_denies_no_name_that_was_told() -> None:
    denials = (
        "아직 이름을 말씀 안 해 주셨어요.",
        "이름을 아직 못 들었어요.",
        "제가 아직 이름을 몰라요.",
        "네, 서연님!",
    )
    questions = ("내 이름이 뭐야?", "제가 누구게요?", "아까 알려 준 이름이 뭐였지?", "강아지 이름이 뭐라고?", "배고파")
    cases = [
        (asked(told, "네", question), denial)
        for told in ("저는 서연이에요", "나로 말하자면 서연이라고 해", "나 배고파")
        for question in questions
        for denial in denials
    ]
    expected = in_python(cases)
    assert in_page(cases) == expected
    denied = {case[1]: found[2] for case, found in zip(cases, expected, strict=True) if found[2] is not None}
    assert denied == {denials[0]: 3, denials[1]: 0, denials[2]: 6}
    # Two ways to tell, three questions, three denials.
    assert sum(found[2] is not None for found in expected) == 18
