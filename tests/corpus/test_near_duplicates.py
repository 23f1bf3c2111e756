import csv
import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from benchmarks.exact_twins import find_twins
from tinychat.corpus import near_duplicates as near_duplicates_module
from tinychat.corpus.components import Components
from tinychat.corpus.grams import BLOCK_CHARACTERS, Texts, jaccard_of, texts_of
from tinychat.corpus.key_table import KeyTable
from tinychat.corpus.near_duplicates import MAX_NEIGHBOURS, THRESHOLD, near_duplicates
from tinychat.corpus.scratch import Scratch
from tinychat.corpus.text_keys import text_key


def jaccard(one: str, other: str) -> float:
    """The plain definition."""
    first, second = ({text[i : i + 3] for i in range(len(text) - 2)} or {text} for text in (one, other))
    return len(first & second) / len(first | second)


def sentences(count: int, seed: int = 0) -> list[str]:
    """Different texts of words from a small vocabulary, many of them alike."""
    generator = random.Random(seed)
    words = ["".join(generator.choices("가나다라마바사아자차카타파하", k=generator.randint(1, 4))) for _ in range(300)]
    found: dict[str, None] = {}
    while len(found) < count:
        words_of_one = generator.choices(words, k=generator.randint(1, 9))
        for _ in range(generator.randint(1, 5)):
            found["".join(words_of_one)] = None
            words_of_one[generator.randrange(len(words_of_one))] = generator.choice(words)
    return list(found)[:count]


def all_pairs(texts: list[str], threshold: float) -> list[tuple[int, int]]:
    """Every pair at `threshold` or more, by comparing each with each."""
    sets = [{text[i : i + 3] for i in range(len(text) - 2)} or {text} for text in texts]
    found = []
    for i, j in combinations(range(len(texts)), 2):
        both = len(sets[i] & sets[j])
        if both and both >= threshold * (len(sets[i]) + len(sets[j]) - both) - 1e-9:
            found.append((i, j))
    return found


def components_of(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The first member of each component, by the plain union-find."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return [root(i) for i in range(count)]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("안녕하세요", "안녕하세요", 1.0),
        ("안녕하세요", "안녕하셔요", 1 / 5),
        ("오늘뭐먹을까", "오늘뭐먹을까요", 4 / 5),
        ("ㅋㅋㅋㅋㅋㅋ", "ㅋㅋㅋ", 1.0),  # sets: one gram
        ("네", "네네", 0.0),  # shorter than a gram: the text itself
        ("응", "응", 1.0),
        ("abc𠀀def", "abc𠀀deg", 4 / 6),  # beyond the first 65,536 code points
    ],
)
def test_the_jaccard_index_is_that_of_the_sets_of_three_characters(one: str, other: str, expected: float) -> None:
    texts = texts_of([one, other])
    assert jaccard_of(texts, np.array([0]), np.array([1]))[0] == pytest.approx(expected)
    assert jaccard(one, other) == pytest.approx(expected)


def test_the_jaccard_index_of_many_pairs_is_exact_however_long_the_texts_are() -> None:
    generator = random.Random(1)
    long = "".join(generator.choices("가나다라마바사아자차", k=2 * BLOCK_CHARACTERS))
    texts = [*sentences(500), long, long[:-7] + "끝", long[: BLOCK_CHARACTERS // 2]]
    pairs = np.array([generator.sample(range(500), 2) for _ in range(9000)] + [[500, 501], [501, 502], [3, 502]])
    found = jaccard_of(texts_of(texts), pairs[:, 0], pairs[:, 1])
    assert found.tolist() == [jaccard(texts[one], texts[other]) for one, other in pairs]


@pytest.mark.slow
def test_only_near_duplicates_are_joined_and_nearly_all_of_them() -> None:
    texts = sentences(2500)
    pairs = all_pairs(texts, THRESHOLD)
    exact = components_of(len(texts), pairs)
    groups = near_duplicates(texts_of(texts), Scratch()).groups.tolist()
    # Each group lies within a component of the exact pairs, and begins with its first text.
    assert all(exact[text] == exact[first] for text, first in enumerate(groups))
    assert all(groups[first] == first <= text for text, first in enumerate(groups))
    joined = [groups[one] == groups[other] for one, other in pairs]
    alike = [groups[one] == groups[other] for one, other in pairs if jaccard(texts[one], texts[other]) >= 0.7]
    assert len(pairs) > 500
    assert sum(joined) / len(joined) > 0.99
    assert all(alike)


def test_added_texts_divide_no_group() -> None:
    texts = sentences(2000)
    small, large = near_duplicates(texts_of(texts[:1000]), Scratch()), near_duplicates(texts_of(texts), Scratch())
    assert large.crowded == 0
    assert all(large.groups[text] == large.groups[first] for text, first in enumerate(small.groups))


def test_no_order_of_the_texts_changes_the_groups() -> None:
    texts = sentences(1000)
    order = random.Random(0).sample(range(1000), 1000)
    groups, shuffled = (
        near_duplicates(texts_of(texts), Scratch()).groups,
        near_duplicates(texts_of([texts[i] for i in order]), Scratch()).groups,
    )
    assert {frozenset(np.nonzero(groups == first)[0].tolist()) for first in set(groups.tolist())} == {
        frozenset(order[i] for i in np.nonzero(shuffled == first)[0]) for first in set(shuffled.tolist())
    }


def test_texts_in_a_bucket_too_large_to_compare_all_are_counted() -> None:
    # Half of the grams of each are the same, so that they meet often, and no two are alike.
    texts = [f"한결같은머리말이다{''.join(random.Random(n).choices('가나다라마바사아', k=10))}" for n in range(2000)]
    found = near_duplicates(texts_of(texts), Scratch())
    assert found.crowded > MAX_NEIGHBOURS
    copies = near_duplicates(texts_of([f"모두가거의똑같은긴문장이라서한무리다{n % 10}" for n in range(500)]), Scratch())
    assert set(copies.groups.tolist()) == {0}


@pytest.mark.slow
@pytest.mark.parametrize("members", [40, 200])
def test_buckets_are_the_same_whatever_is_compared_at_once(members: int, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = [f"모두가거의똑같은긴문장이라서한무리다{n % 10}{'ㅋ' * (n // 10)}" for n in range(200)]
    texts = texts_of([*sentences(200), *copies])
    expected = near_duplicates(texts, Scratch())
    assert expected.crowded
    monkeypatch.setattr(near_duplicates_module, "MEMBERS_AT_ONCE", members)
    monkeypatch.setattr(near_duplicates_module, "PAIRS_AT_ONCE", 50)
    found = near_duplicates(texts, Scratch())
    assert (found.groups.tolist(), found.crowded) == (expected.groups.tolist(), expected.crowded)


@pytest.mark.parametrize("texts", [[], ["안녕"], ["안녕", "안녕하세요"], ["", "", "가"]])
def test_a_few_texts_have_groups(texts: list[str]) -> None:
    assert len(near_duplicates(texts_of(texts), Scratch()).groups) == len(texts)


@pytest.mark.slow
def test_all_twins_of_some_texts_are_found() -> None:
    texts = sentences(2000)
    wanted = np.arange(0, 2000, 17)
    among = np.arange(2000) % 3 != 0
    found = {
        (int(one), int(other))
        for ones, others in find_twins(texts_of(texts), wanted, among)
        for one, other in zip(ones, others, strict=True)
    }
    both = [pair for one, other in all_pairs(texts, THRESHOLD) for pair in ((one, other), (other, one))]
    assert found == {(one, other) for one, other in both if one % 17 == 0 and among[other]}
    assert found


def test_texts_with_others_between_them_are_the_same_texts() -> None:
    texts = sentences(300)
    whole = texts_of(texts)
    chosen = np.arange(0, 300, 3)
    part = Texts(whole.codes, whole.begins[chosen], whole.lengths[chosen])
    assert (
        near_duplicates(part, Scratch()).groups.tolist()
        == near_duplicates(texts_of(texts[::3]), Scratch()).groups.tolist()
    )


def test_a_table_of_keys_numbers_them_as_a_dictionary_does() -> None:
    generator = random.Random(0)
    table, expected = KeyTable(Scratch()), dict[int, int]()
    for _ in range(200):
        keys = [generator.randrange(3000) << generator.choice((0, 40)) for _ in range(generator.randrange(60))]
        known = set(expected)
        numbers, new = table.add(np.array(keys, np.uint64))
        assert numbers.tolist() == [expected.setdefault(key, len(expected)) for key in keys]
        assert new.tolist() == [key not in known and key not in keys[:i] for i, key in enumerate(keys)]
    assert table.keys.tolist() == list(expected)
    assert len(table) == len(expected) > 3000


def test_components_are_those_of_the_plain_union_find() -> None:
    generator = random.Random(0)
    pairs = [(generator.randrange(500), generator.randrange(500)) for _ in range(400)]
    components = Components(500, Scratch())
    for begin in range(0, 400, 50):
        one, other = np.array(pairs[begin : begin + 50]).T
        components.join(one, other)
    assert components.all().tolist() == components_of(500, pairs)


@pytest.mark.slow
def test_of_songys_all_near_duplicates_are_joined_but_few(songys_file: Path) -> None:
    with open(songys_file, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = texts_of(sorted({text_key(row[side]) for row in rows for side in "QA"}))
    everything = np.arange(len(texts)), np.ones(len(texts), bool)
    pairs = np.concatenate([np.stack(found) for found in find_twins(texts, *everything)], axis=1)
    groups = near_duplicates(texts, Scratch()).groups
    assert pairs.shape[1] == 2 * 655
    assert (groups[pairs[0]] == groups[pairs[1]]).mean() > 0.99
    alike = jaccard_of(texts, *pairs) >= 0.7
    assert (groups[pairs[0]] == groups[pairs[1]])[alike].all()
