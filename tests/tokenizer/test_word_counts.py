import random
from pathlib import Path

import pytest

from tinychat.tokenizer.building import bpe_from_counts, build_bpe, to_json_text
from tinychat.tokenizer.word_counts import TextCounts, WordCounter, count_words

TEXTS = [
    " ".join(random.Random(n).choices(["가", "나", "다라", "마바사", "a\nb", "뷁", "12", "!?"], k=6))
    for n in range(300)
]
SLOTS = [("다라",) if n % 3 else () for n in range(300)]


def added(folder: Path, limit: int, parts: int) -> TextCounts:
    counts = TextCounts(folder, limit)
    size = -(-len(TEXTS) // parts)
    for start in range(0, len(TEXTS), size):
        texts = zip(TEXTS[start : start + size], SLOTS[start : start + size], strict=True)
        counts.add(count_words(texts))
    return counts


def test_counts_are_exact_in_whatever_parts_and_whatever_memory(tmp_path: Path) -> None:
    expected = added(tmp_path, 1000, 1)
    words = [word for text in TEXTS for word in text.split(" ")]
    assert {word.word: word.times for word in expected.words} == {word: words.count(word) for word in words}
    assert [word.word for word in sorted(expected.words, key=lambda word: word.first)] == list(dict.fromkeys(words))
    cut = [word for text, values in zip(TEXTS, SLOTS, strict=True) for word in _cut(text, values)]
    assert dict(expected.without_values()) == {word: cut.count(word) for word in cut}
    assert expected.characters == sum(map(len, TEXTS))
    for limit in (1000, 6, 2):
        for parts in (1, 7, 100):
            counts = added(tmp_path, limit, parts)
            assert counts.words.exceeds_memory == (limit < 1000)
            for _ in range(2):
                assert [word[:2] for word in counts.words] == [word[:2] for word in expected.words]
                assert list(counts.without_values()) == list(expected.without_values())
            firsts = sorted(counts.words, key=lambda word: word.first)
            assert [word.word for word in firsts] == list(dict.fromkeys(words))
    assert list(tmp_path.iterdir()) == []


def _cut(text: str, values: tuple[str, ...]) -> list[str]:
    from tinychat.tokenizer.words import words_of

    for value in values:
        text = text.replace(value, "\n")
    return words_of(text)


def test_the_vocabulary_does_not_depend_on_the_memory_while_no_word_is_left_out(tmp_path: Path) -> None:
    expected = build_bpe(TEXTS, max_size=300, min_frequency=2, slots=SLOTS)
    for parts in (1, 7):
        counts = added(tmp_path, 1000, parts)
        assert counts.least_count() == 1
        assert to_json_text(bpe_from_counts(counts, max_size=300, min_frequency=2)) == to_json_text(expected)


def test_of_too_many_words_pairs_are_learnt_on_the_frequent_ones(tmp_path: Path) -> None:
    counts = TextCounts(tmp_path, limit=3)
    counts.add(count_words([("가나 가나 다라 다라 마바 마바 사아 자차", ()), ("가나", ())]))
    assert counts.least_count() == 2  # three words twice or more, and two once
    counts.add(count_words([("사아", ())]))
    assert counts.least_count() == 3
    tokenizer = bpe_from_counts(counts, max_size=400, min_frequency=2)
    assert len(tokenizer.encode("가나")) == 1
    assert len(tokenizer.encode("다라")) > 1


def test_a_full_disk_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    counter = WordCounter(tmp_path / "nowhere", limit=1)
    with pytest.raises(OSError, match="nowhere"):
        counter.add({"a": 1, "b": 2})
