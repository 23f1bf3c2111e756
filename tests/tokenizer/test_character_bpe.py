"""Texts have the same ids over characters as over bytes."""

import json
import random

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from tests.tokenizer.test_words import TEXTS, by_chance
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import build_bpe
from tinychat.tokenizer.byte_level import ByteLevelTokenizer
from tinychat.tokenizer.character_bpe import over_characters


@given(st.text(alphabet="가나다라마바사뷁하ㅋㅠa1 .!?\n👍é", max_size=20))
def test_any_text_of_its_characters_has_the_same_ids(text: str) -> None:
    vocabulary = by_chance()
    over = over_characters(vocabulary)
    assert over is not None
    text = "".join(char for char in text if char in over.characters)
    ids = over.backend.encode(text, add_special_tokens=False).ids
    assert ids == vocabulary.encode(text)
    assert sum(over.lengths[i] for i in ids) == len(text) + (text != "")


@pytest.mark.slow
def test_so_have_the_words_of_a_real_corpus_in_any_order(songys: list[tuple[str, str]]) -> None:
    texts = [text for row in songys for text in row]
    for size in (600, 3000, 8000):  # with few tokens there is no room for all characters
        vocabulary = build_bpe(texts[:8000], max_size=size, min_frequency=2)
        over = over_characters(vocabulary)
        assert over is not None
        letters = sorted(over.characters)
        chance = random.Random(size)
        asked = [*texts, *("".join(chance.choices(letters, k=12)) for _ in range(5000))]
        asked = [text for text in asked if over.characters.issuperset(text)]
        assert len(asked) > 5000
        found = [one.ids for one in over.backend.encode_batch(asked, add_special_tokens=False)]
        assert found == vocabulary.encode_batch(asked)


def test_a_character_that_is_no_token_is_none_of_its_characters(bpe: Tokenizer) -> None:
    over = over_characters(bpe)
    assert over is not None
    assert {"안", "a", " ", "\n", "\x01"} <= over.characters
    assert not {"뷁", "é", "👍"} & over.characters


def changed(vocabulary: Tokenizer, **model: object) -> ByteLevelTokenizer:
    """The vocabulary with other values in its model."""
    data = json.loads(vocabulary.backend.to_str())
    data["model"] |= model
    return ByteLevelTokenizer(tokenizers.Tokenizer.from_str(json.dumps(data)))


def test_a_vocabulary_that_is_not_made_so_has_none(bpe: Tokenizer, words: Tokenizer) -> None:
    assert over_characters(words) is None
    assert over_characters(changed(bpe)) is not None
    assert over_characters(changed(bpe, ignore_merges=True)) is None
    merges = json.loads(bpe.backend.to_str())["model"]["merges"]
    assert over_characters(changed(bpe, merges=merges[::-1])) is None  # characters after their pairs
    vocab = json.loads(bpe.backend.to_str())["model"]["vocab"]
    across = {**vocab, "ĠìŀĪ"[:2]: len(vocab)}  # a space and the first byte of a syllable
    assert over_characters(changed(bpe, vocab=across, merges=[["Ġ", "ì"], *merges])) is None


def test_the_examples_are_texts_that_could_differ() -> None:
    assert any(by_chance().encode(text) != by_chance().encode(text.strip()) for text in TEXTS)
