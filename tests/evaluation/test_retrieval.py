"""The training questions that are most similar, and how similar they are."""

import math
from collections import Counter

import pytest

from tinychat.evaluation.retrieval import NearestQuestion

QUESTIONS = ["뭐 먹을래?", "안녕하세요", "잘 자", "안녕", "안녕", "김밥 먹을래?"]


@pytest.fixture
def known() -> NearestQuestion:
    return NearestQuestion(QUESTIONS, [str(n) for n in range(len(QUESTIONS))])


def plain_likeness(question: str, row: int) -> float:
    """The cosine of TF-IDF over character 1- to 3-grams, as it is written in books."""

    def grams(text: str) -> Counter[str]:
        text = f" {text} "
        return Counter(text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1))

    documents = [grams(text) for text in QUESTIONS]
    idf = {g: math.log(len(documents) / sum(g in d for d in documents)) + 1 for d in documents for g in d}

    def vector(counts: Counter[str]) -> dict[str, float]:
        return {gram: n * idf[gram] for gram, n in counts.items() if gram in idf}

    one, other = vector(grams(question)), vector(documents[row])
    length = math.hypot(*one.values()) * math.hypot(*other.values())
    return sum(weight * other.get(gram, 0) for gram, weight in one.items()) / length


@pytest.mark.parametrize("question", ["안녕", "뭐 먹지", "김밥 먹을래", "안녕 잘 자", "hello"])
def test_the_nearest_come_first_with_their_cosine(known: NearestQuestion, question: str) -> None:
    found = known.nearest(question, len(QUESTIONS))
    likeness = [plain_likeness(question, row) for row in range(len(QUESTIONS))]
    assert [row for row, _ in found] == sorted(range(len(QUESTIONS)), key=lambda row: (-round(likeness[row], 9), row))
    assert [value for _, value in found] == pytest.approx([likeness[row] for row, _ in found])


def test_a_known_question_is_wholly_alike_to_itself_and_equal_ones_keep_their_order(known: NearestQuestion) -> None:
    rows, likeness = zip(*known.nearest("안녕", 3), strict=True)
    assert rows == (3, 4, 1)
    assert likeness[:2] == pytest.approx((1, 1))
    assert likeness[2] < 0.9


def test_likeness_is_never_above_1_or_below_0() -> None:
    """Not even where the sum of the products is, by its last digit."""
    questions = [f"{chr(0xAC00 + n)}{chr(0xAC00 + 7 * n)} {n} 안녕 뭐 해?" for n in range(200)]
    known = NearestQuestion(questions, questions)
    for row, question in enumerate(questions):
        found = known.nearest(question, 200)
        assert found[0] == (row, pytest.approx(1))
        assert all(0 <= value <= 1 for _, value in found)


@pytest.mark.parametrize("n", [0, 1, 4, 6, 100])
def test_there_are_no_more_than_were_asked_for_and_no_more_than_there_are(known: NearestQuestion, n: int) -> None:
    found = known.nearest("안녕", n)
    assert len(found) == min(n, len(QUESTIONS))
    assert found == known.nearest("안녕", 6)[:n]


def test_capitals_and_spaces_do_not_count() -> None:
    known = NearestQuestion(["What  is your\nname?", "hello"], ["a", "b"])
    assert known.nearest(" what is YOUR name? ", 1) == [(0, pytest.approx(1))]


def test_where_nothing_is_known_nothing_is_near() -> None:
    assert NearestQuestion([], []).nearest("안녕", 3) == []


def test_its_answer_is_that_of_the_nearest(known: NearestQuestion) -> None:
    for question in ("안녕", "뭐 먹지", "hello"):
        assert known.answer(question) == str(known.nearest(question, 1)[0][0])
