import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tinychat.corpus.text_keys import text_key
from tinychat.starter.expanding import SHARES
from tinychat.starter.reading import Starter
from tinychat.starter.typing_noise import CRIES, LAUGHS, TYPOS, add_typing_noise

FEELINGS = "ㅋㅎㅠㅜ"


def letters(text: str) -> str:
    return text_key(text).translate({ord(letter): None for letter in FEELINGS})


def distance(one: str, other: str) -> int:
    """Letters that one must have more, fewer or other than the other has."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row = row, [i]
        for j, b in enumerate(other, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
    return row[-1]


@pytest.fixture(scope="module")
def typed(starter: Starter) -> list[tuple[str, str]]:
    """Each phrasing, as it stands and with noise."""
    rng = random.Random(0)
    return [
        (phrasing, add_typing_noise(phrasing, rng)) for intent in starter.intents.values() for phrasing in intent.ask
    ]


def test_most_texts_change_and_most_keep_all_their_letters(typed: list[tuple[str, str]]) -> None:
    assert sum(phrasing != text for phrasing, text in typed) > 0.75 * len(typed)
    assert sum(letters(phrasing) == letters(text) for phrasing, text in typed) > 0.75 * len(typed)


def test_no_text_has_more_than_two_misspellings(typed: list[tuple[str, str]]) -> None:
    longest = max(len(right) for right, _ in TYPOS)
    for phrasing, text in typed:
        assert distance(letters(phrasing), letters(text)) <= 2 * longest, (phrasing, text)
        if len(letters(phrasing)) > 8:
            assert distance(letters(phrasing), letters(text)) < 0.5 * len(letters(phrasing)), (phrasing, text)


def test_no_text_is_empty_or_has_spaces_where_none_belong(typed: list[tuple[str, str]]) -> None:
    for _, text in typed:
        assert text_key(text)
        assert text == text.strip()
        assert "  " not in text


def test_every_habit_occurs(typed: list[tuple[str, str]]) -> None:
    changed = [(phrasing, text) for phrasing, text in typed if phrasing != text]
    assert sum(text.endswith(LAUGHS + CRIES) for _, text in changed) > 100
    assert sum(" " in phrasing and " " not in text for phrasing, text in changed) > 100
    assert sum(phrasing.count(" ") == text.count(" ") + 1 > 1 for phrasing, text in changed) > 100
    assert (
        sum(phrasing + "?" == text or phrasing + "!" == text or phrasing + ".." == text for phrasing, text in changed)
        > 100
    )
    assert sum(letters(phrasing) != letters(text) for phrasing, text in changed) > 100


def test_a_laugh_does_not_follow_a_laugh() -> None:
    rng = random.Random(0)
    assert not [
        text for _ in range(500) if (text := add_typing_noise("너 웃긴다 ㅋㅋ", rng)).count("ㅋ") > 2 or "ㅠ" in text
    ]


def test_a_question_seldom_becomes_an_exclamation() -> None:
    rng = random.Random(0)
    marks = Counter(add_typing_noise("배고파?", rng)[3:] for _ in range(500))
    assert sum(n for mark, n in marks.items() if {"!", "~"} & set(mark)) < 25
    assert {"", "??"} <= set(marks)


def test_no_misspelling_is_one_already() -> None:
    assert all(right != wrong for right, wrong in TYPOS)
    assert len({right for right, _ in TYPOS}) == len(TYPOS)
    for right, wrong in TYPOS:  # a second habit must not add to the first: 오늘은은
        assert right not in wrong


def test_the_same_generator_gives_the_same_text() -> None:
    one, other = random.Random(3), random.Random(3)
    assert [add_typing_noise("나 너무 배고파", one) for _ in range(50)] == [
        add_typing_noise("나 너무 배고파", other) for _ in range(50)
    ]


def test_in_training_about_a_quarter_of_the_turns_are_typed(expand: Callable[[int], Any]) -> None:
    expansion, training, _ = expand(0)
    known = {
        phrasing for intent in expansion.starter.intents.values() for phrasing in (*intent.ask, *intent.with_details)
    }
    answers = {answer for intent in expansion.starter.intents.values() for answer in intent.answers}
    asked = [s.turns[0].content for s in training if len(s.turns) == 2 and s.turns[1].content in answers]
    changed = sum(text not in known for text in asked) / len(asked)
    assert len(asked) > 0.95 * SHARES["single"] * len(training)
    assert 0.18 < changed < 0.32
