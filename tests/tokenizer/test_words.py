import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokenizer.test_vocabulary import HARD
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import build_bpe
from tinychat.tokenizer.words import words_of

TEXTS = [
    *HARD,
    "그래\n좋아 \n아니야",
    "끝\n\n 시작",
    " 앞",
    "뒤 ",
    "  둘  ",
    " ",
    "a  b   c",
    "좋아 ... 그래 !\n음",
    "it 's I 'm",
    "1 2 34",
    "가\u3000나 \u3000 다",
    "\u2028 줄 \x85 줄 \x1c 끝",
    ". \n. \r\n x",
]


@pytest.fixture(scope="module")
def vocabulary() -> Tokenizer:
    """One with merges of spaces, punctuation and line breaks."""
    return build_bpe(TEXTS * 3, max_size=600, min_frequency=2)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_has_the_tokens_of_its_words(vocabulary: Tokenizer, words: Tokenizer, text: str) -> None:
    for tokenizer in (vocabulary, words):
        assert tokenizer.encodes_by_words
        assert [i for word in words_of(text) for i in tokenizer.encode(word)] == tokenizer.encode(text)
    assert " ".join(words_of(text)) == text


@given(st.text(alphabet=" \n\r\t\u3000a가뷁1'.sS?👍", max_size=12))
def test_so_has_any_text(text: str) -> None:
    tokenizer = by_chance()
    assert [i for word in words_of(text) for i in tokenizer.encode(word)] == tokenizer.encode(text)


_built: list[Tokenizer] = []


def by_chance() -> Tokenizer:
    if not _built:
        _built.append(build_bpe(TEXTS * 3, max_size=600, min_frequency=2))
    return _built[0]


def test_a_vocabulary_of_another_program_may_divide_texts_otherwise(vocabulary: Tokenizer) -> None:
    vocabulary.backend.add_tokens(["안녕 하세요"])
    assert not vocabulary.encodes_by_words
