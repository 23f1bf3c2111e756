import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokenizer.test_words import TEXTS, by_chance
from tinychat.tokenizer import Tokenizer, flat_encoding
from tinychat.tokenizer.flat_encoding import FlatEncoder


def encoded(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    found = FlatEncoder(tokenizer).encode(texts)
    ids, lengths = found.tokens(np.arange(len(texts)))
    ends = np.cumsum(lengths)
    assert len(ids) == len(found.ids) == lengths.sum()
    return [ids[end - length : end].tolist() for end, length in zip(ends, lengths, strict=True)]


@pytest.mark.parametrize("characters", [1, 10, 5000])
def test_texts_have_the_tokens_that_they_have_alone(
    bpe: Tokenizer, words: Tokenizer, characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flat_encoding, "CHARACTERS_JOINED", characters)
    monkeypatch.setattr(flat_encoding, "CHARACTERS_AT_ONCE", 3 * characters)
    joinable = [text for text in TEXTS if text and text == text.strip()]
    for tokenizer in (bpe, words, by_chance()):
        for texts in ([], TEXTS, joinable, joinable * 3):
            assert encoded(tokenizer, texts) == tokenizer.encode_batch(texts)


@given(st.lists(st.text(alphabet=" \n가뷁a1'.sS?👍\u0301", max_size=6), max_size=8))
def test_so_have_any_texts(texts: list[str]) -> None:
    assert encoded(by_chance(), texts) == by_chance().encode_batch(texts)
