"""The training questions that a page quotes: which it carries, and which it finds near a message."""

import json
import random
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.page import test_building
from tests.page.base85 import from_base85
from tests.page.browsers import Opened
from tests.page.conftest import Open
from tests.page.node import run_in_node
from tests.page.test_building import Parts, carried
from tests.safety.phrases import training_phrases
from tinychat.evaluation.retrieval import NearestQuestion
from tinychat.page import quoting
from tinychat.page.building import PageInputs, build_page
from tinychat.page.quoting import MOST_SHARE, Quotes, pack_quotes, read_quotes

inputs = test_building.inputs  # a fixture
ODD = ["ΑΣ ς", "İıß ﬁ", "안녕 \u3000\x1c안녕", "😀😀 안녕😀", "", "  ", "Ｗｈｏ", "OK  ok", "\ud55c\u1112\u1161", "쀍"]


def unpacked(packed: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(from_base85(packed)))
    return found


def answers_in(packed: str) -> dict[str, list[str]]:
    """The answers to each question."""
    found = unpacked(packed)
    return {
        question: [found["answers"][n] for n in numbers]
        for question, numbers in zip(found["questions"], found["of"], strict=True)
    }


def quoted_in(page: str) -> str:
    (text,) = [text for attributes, text in Parts(page).found if attributes.get("id") == "quotes"]
    return text


def write_corpus(path: Path, *dialogues: list[str]) -> Path:
    """A corpus file; in each dialogue the user begins."""
    records = [
        {"messages": [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]}
        for turns in dialogues
    ]
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_each_question_is_carried_once_with_every_answer_that_follows_it(tmp_path: Path) -> None:
    corpus = write_corpus(
        tmp_path / "train.jsonl", ["안녕", "반가워", "뭐 해?", "쉬어"], ["안녕", "응"], ["안녕", "응"]
    )
    packed = pack_quotes(read_quotes(corpus), 10_000)
    assert answers_in(packed.text) == {"뭐 해?": ["쉬어"], "안녕": ["반가워", "응"]}
    assert packed.questions == 2


def test_of_a_large_corpus_evenly_spaced_dialogues_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quoting, "MOST_DIALOGUES", 3)
    corpus = write_corpus(tmp_path / "train.jsonl", *([f"질문 {n}", "답"] for n in range(9)))
    assert read_quotes(corpus) == Quotes({f"질문 {n}": ["답"] for n in (0, 3, 6)}, is_sample=True)


@pytest.mark.slow
def test_a_page_is_at_most_a_fifth_larger_and_says_that_it_carries_a_sample(inputs: PageInputs) -> None:
    draw = random.Random(0)
    texts = ["".join(draw.choices("가나다라마바사아자차카타파하", k=40)) for _ in range(20_000)]
    quotes = Quotes({text: [text[::-1]] for text in sorted(texts)}, is_sample=False)
    without, page = build_page(inputs, 6), build_page(replace(inputs, quotes=quotes), 6)
    assert 1 + 0.9 * MOST_SHARE < len(page.encode()) / len(without.encode()) <= 1 + MOST_SHARE
    found = answers_in(quoted_in(page))
    assert carried(page)["quotes"] == {"questions": len(found), "is_sample": True}
    assert found.items() <= quotes.answers.items()
    places = [sorted(texts).index(question) for question in found]
    steps = {one - other for one, other in zip(places[1:], places, strict=False)}
    assert max(steps) - min(steps) <= 1


def test_a_page_carries_no_training_dialogue_unless_it_is_asked_to(inputs: PageInputs) -> None:
    assert quoted_in(build_page(inputs, 6)) == ""
    assert carried(build_page(inputs, 6))["quotes"] is None
    page = build_page(replace(inputs, quotes=Quotes({"질문": ["답"]}, is_sample=False)), 6)
    assert carried(page)["quotes"] == {"questions": 1, "is_sample": False}


def test_the_page_finds_the_same_questions_near_a_message_as_python_does() -> None:
    texts = random.Random(0).sample(training_phrases("harmless"), 1200)
    questions, messages = [*texts[:1000], *ODD], [*texts[1000:], *ODD, *texts[:5]]
    index = NearestQuestion(questions, questions)
    in_python = [index.nearest(message, 5) for message in messages]
    in_page = run_in_node("nearest.mjs", {"questions": questions, "messages": messages, "n": 5})
    assert [[row for row, _ in near] for near in in_page] == [[row for row, _ in near] for near in in_python]
    for one, other in zip(in_page, in_python, strict=True):
        assert [share for _, share in one] == pytest.approx([share for _, share in other], abs=1e-12)


@pytest.fixture(scope="module")
def quoting_file(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small model with its training questions."""
    from stages import build_page

    root = shutil.copytree(project, tmp_path_factory.mktemp("quoting") / "project")
    params = (root / "params.yaml").read_text(encoding="utf-8")
    assert "quote_training: false" in params
    (root / "params.yaml").write_text(params.replace("quote_training: false", "quote_training: true"), encoding="utf-8")
    build_page.run(root)
    return root / build_page.PAGE


def explain_last(page: Opened) -> Any:
    """Open what explains the last reply."""
    last = page.page.locator(".message").last
    last.locator(".actions button").first.click()
    last.locator(".why").wait_for()
    return last


@pytest.mark.slow
def test_a_reply_is_explained_with_the_questions_that_were_learnt(
    open_page: Open, quoting_file: Path, project: Path
) -> None:
    page = open_page(quoting_file)
    known = read_quotes(project / "data/corpus/train.jsonl").answers
    question = next(iter(known))
    page.new_talk()
    page.say(question)
    near = explain_last(page).locator(".nearest")
    near.locator("ol").wait_for()
    first = near.locator("ol > li").first
    assert first.locator("b").inner_text() == question and "100%" in first.inner_text()
    assert first.locator("ul li").all_inner_texts() == known[question]
    page.new_talk()
    page.say(f"{question}?!")
    near = explain_last(page).locator(".nearest")
    assert near.locator("ol b").first.inner_text() == question
    page.show("file")
    assert f"학습한 질문 {len(known)}개와 그 대답이 모두 들어 있다." in page.page.locator(".file").inner_text()


@pytest.mark.slow
def test_a_page_without_them_shows_none(page: Opened) -> None:
    last = explain_last(page)
    assert last.locator(".nearest").count() == 0
    page.show("file")
    assert "학습한 질문" not in page.page.locator(".file").inner_text()
