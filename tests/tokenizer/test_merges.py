"""The merges are those of the library's trainer, which counts the texts itself."""

import json
import random
from collections import Counter
from collections.abc import Iterable

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from tinychat.tokenizer.byte_level import PRE_TOKENIZER
from tinychat.tokenizer.merges import learn_merges

SPLIT = pre_tokenizers.Sequence([PRE_TOKENIZER[0]])


def of_the_library(
    texts: Iterable[str], pre_tokenizer: pre_tokenizers.PreTokenizer, size: int, min_frequency: int
) -> list[tuple[str, str]]:
    learner = tokenizers.Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=min_frequency, show_progress=False)
    learner.train_from_iterator(texts, trainer)
    return [tuple(merge) for merge in json.loads(learner.to_str())["model"]["merges"]]


@pytest.mark.parametrize("size", [500, pytest.param(8000, marks=pytest.mark.slow)])
def test_on_a_real_corpus(songys: list[tuple[str, str]], size: int) -> None:
    texts = [text for row in songys for text in row]
    texts = texts if size == 8000 else texts[:3000]
    pieces = Counter(piece for text in texts for piece, _ in SPLIT.pre_tokenize_str(text))
    expected = of_the_library(texts, SPLIT, size, 2)
    assert len(expected) > 200 or size == 500
    assert list(learn_merges(pieces, size, 2)) == expected


def test_on_letters_by_chance_where_a_token_comes_about_in_several_ways() -> None:
    for seed in range(60):
        chance = random.Random(seed)
        letters = "abcdefgh"[: chance.choice([1, 2, 3, 8])]
        longest = chance.choice([4, 20])
        words = ["".join(chance.choices(letters, k=chance.randint(1, longest))) for _ in range(chance.choice([5, 100]))]
        pieces = Counter({word: chance.choice([1, 2, 7]) for word in words})
        size, min_frequency = chance.choice([20, 300]), chance.choice([1, 2, 3])
        expected = of_the_library(pieces.elements(), pre_tokenizers.WhitespaceSplit(), size, min_frequency)
        assert list(learn_merges(pieces, size, min_frequency)) == expected, seed


def test_no_pieces_have_no_merges() -> None:
    assert list(learn_merges({}, 100, 1)) == []
    assert list(learn_merges({"a": 3}, 100, 1)) == []
