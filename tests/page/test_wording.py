"""The page's Korean texts: particles that fit the word before them."""

import pytest

from tests.page.node import run_in_node


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "read"),
    [
        *(("<bot>", "을"), ("<user>", "를"), ("<eos>", "를"), ("<pad>", "를"), ("민수", "를"), ("서연", "을")),
        *(("서울", "을"), ("Tom", "을"), ("Python", "을"), ("API", "를"), ("6-6", "을"), ("1-2", "를")),
        *(("L", "을"), ("R", "을"), ("⏎", "를"), ("!", "를")),
    ],
)
def test_the_object_has_its_particle(word: str, read: str) -> None:
    (said,) = run_in_node("particles.mjs", [["choice.top", {"word": f"‘{word}’"}]], needs_packages=True)
    assert said == f"확률이 가장 높은 ‘{word}’{read} 골랐다."


def test_a_size_to_which_a_vector_widens_has_its_particle() -> None:
    sizes = [("256", "1,024"), ("512", "2,048"), ("128", "1,000")]
    said = run_in_node(
        "particles.mjs", [["step.ffn.about", {"dim": dim, "ffn": ffn}] for dim, ffn in sizes], needs_packages=True
    )
    for (dim, ffn), particles, text in zip(sizes, ("로 으로", "로 로", "으로 로"), said, strict=True):
        widens, narrows = particles.split()
        assert f"{dim}에서 {ffn}{widens} 넓혀" in text and f"다시 {dim}{narrows} 줄인다" in text


def test_what_a_head_does_is_a_sentence_of_it() -> None:
    said = run_in_node("particles.mjs", [["head.is", {"layer": 6, "head": n}] for n in (6, 2)], needs_packages=True)
    assert said == ["6층 헤드 6은", "6층 헤드 2는"]
