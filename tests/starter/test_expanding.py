import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tinychat.corpus.text_keys import text_key
from tinychat.starter import expanding
from tinychat.starter.dividing import VALID, Parts, divide, divide_by_hash
from tinychat.starter.expanding import (
    COMMON,
    HELD_OUT,
    HELD_OUT_UNKNOWN,
    N_NAMES,
    PLAINEST,
    SHARES,
    Dealer,
    Expansion,
    Sample,
)
from tinychat.starter.measuring import Measured
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import AnyOf, SceneExchange, Starter, read_starter

Expand = Callable[[int], tuple[Expansion, list[Sample], list[Measured]]]
WAYS = [
    f"{place}에 {what} 있어" for place in ("집", "밖", "산", "강") for what in ("누가", "뭐가", "언제", "왜", "꽃이")
]


def said(samples: list[Sample], role: str) -> Counter[str]:
    return Counter(turn.content for sample in samples for turn in sample.turns if turn.role == role)


PRINT_DIGEST = """
import hashlib, sys
from pathlib import Path
from tinychat.starter.expanding import Expansion
from tinychat.starter.reading import read_starter
from tinychat.starter.measuring import measured

for folder in sys.argv[1:]:
    expansion = Expansion(read_starter(Path(folder)), 0)
    print(hashlib.sha256(repr([*expansion.training(1000), *measured(expansion)]).encode()).hexdigest())
"""


@pytest.mark.slow
def test_a_seed_gives_the_same_dialogues_in_every_process(real: Path, folder: Any) -> None:
    both = {"user": ["{name:이라고/라고} 해. {food:을/를} 좋아해"], "bot": ["{name}님은 {food}!"]}
    folder.contents["scenes/names.yaml"]["scenes"]["both"] = {"turns": [both]}
    digests = {
        subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST, real, folder.write()],
            cwd=real.parents[1],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
    assert re.fullmatch(r"([0-9a-f]{64}\n){2}", *digests)


@pytest.mark.slow
def test_another_seed_gives_other_dialogues_and_holds_out_others(expand: Expand) -> None:
    (one, training, _), (other, other_training, _) = expand(0), expand(1)
    shared = {sample.turns for sample in training} & {sample.turns for sample in other_training}
    assert len(shared) < len(training) / 2
    assert one.names.held_out != other.names.held_out
    assert one.templates.held_out != other.templates.held_out
    assert sum(one.ways[name].held_out == other.ways[name].held_out for name in one.ways) < len(one.ways) / 10


@pytest.mark.parametrize("size", [100, 2_000, 10_000])
def test_it_makes_about_as_many_dialogues_as_are_wanted_and_none_twice(starter: Starter, size: int) -> None:
    training = list(Expansion(starter, 0).training(size))
    assert 0.98 * size <= len(training) <= size + len(SHARES)
    assert len({sample.turns for sample in training}) >= 0.99 * len(training)  # within a kind none, between them few


def test_a_dialogue_has_one_to_six_exchanges_and_the_user_begins(expand: Expand) -> None:
    _, training, measured = expand(0)
    for sample in (*training, *(one.sample for one in measured)):
        assert [turn.role for turn in sample.turns] == ["user", "assistant"] * (len(sample.turns) // 2)
        assert 1 <= len(sample.turns) // 2 <= 6
    exchanges = Counter(len(sample.turns) // 2 for sample in training)
    assert exchanges[1] / len(training) < 0.6
    assert min(exchanges[n] for n in (2, 3, 4, 5)) > 100


def test_every_slot_is_filled(expand: Expand) -> None:
    _, training, measured = expand(0)
    texts = [turn.content for sample in (*training, *(one.sample for one in measured)) for turn in sample.turns]
    assert not [text for text in texts if "{" in text or "}" in text]


def test_what_is_held_out_is_the_share_that_was_promised(expand: Expand) -> None:
    expansion, _, _ = expand(0)

    def sizes(n: int, test: float) -> tuple[int, int]:
        return round(n * VALID), round(n * test)

    for parts in expansion.ways.values():
        assert (len(parts.valid), len(parts.test)) == sizes(len(parts.train) + len(parts.held_out), HELD_OUT)
    for parts in (*expansion.unknown.values(), expansion.templates):
        assert (len(parts.valid), len(parts.test)) == sizes(len(parts.train) + len(parts.held_out), HELD_OUT_UNKNOWN)
    assert (len(expansion.names.valid), len(expansion.names.test)) == sizes(N_NAMES, HELD_OUT)
    scenes = [*expansion.scene_ways.values()]
    n = sum(len(parts.train) + len(parts.held_out) for parts in scenes)
    assert sum(len(parts.test) for parts in scenes) / n == pytest.approx(HELD_OUT, abs=0.05)
    assert sum(len(parts.valid) for parts in scenes) / n == pytest.approx(VALID, abs=0.03)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_plainest_ways_are_trained_on_and_oftener_than_the_others(expand: Expand, seed: int) -> None:
    expansion, training, _ = expand(seed)
    asked = said(training, "user")
    plainest, others = 0, 0.0
    for name, intent in expansion.starter.intents.items():
        ways = expansion.ways[name].train
        assert ways[:PLAINEST] == intent.ask[:PLAINEST]
        plainest += sum(asked[way] for way in ways[:PLAINEST]) / PLAINEST
        others += sum(asked[way] for way in ways[PLAINEST:]) / len(ways[PLAINEST:])
    assert plainest > 3 * others


@pytest.mark.parametrize("seed", [0, 1])
def test_no_way_that_is_held_out_is_trained_on(expand: Expand, seed: int) -> None:
    expansion, training, _ = expand(seed)
    asked = {text_key(text) for text in said(training, "user")}
    held_out = {text_key(way) for parts in expansion.ways.values() for way in parts.held_out}
    assert len(held_out) > 800
    assert not held_out & asked


@pytest.mark.parametrize("seed", [0, 1])
def test_no_way_of_a_scene_that_is_held_out_is_trained_on_in_a_scene(expand: Expand, seed: int) -> None:
    expansion, training, _ = expand(seed)
    held_out = {way for parts in expansion.scene_ways.values() for way in parts.held_out}
    with_slot = {way for way in held_out if slots_in(way)}
    assert min(len(with_slot), len(held_out - with_slot)) > 20
    keys = {text_key(way) for way in held_out - with_slot}
    asked = {text_key(text) for text in said(training, "user")}
    assert not keys & asked
    for sample in training:
        if sample.values:
            texts = {turn.content for turn in sample.turns[::2]}
            slots = set(sample.values)
            filled = {fill(way, sample.values) for way in with_slot if {slot for slot, _ in slots_in(way)} <= slots}
            assert not filled & texts


@pytest.mark.parametrize("seed", [0, 1])
def test_a_name_that_is_held_out_is_nobodys_name_in_training(expand: Expand, seed: int) -> None:
    expansion, training, _ = expand(seed)
    held_out = set(expansion.names.held_out)
    named = {sample.values["name"] for sample in training if "name" in sample.values}
    assert len(held_out) == round(2400 * 0.15) + round(2400 * 0.04)
    assert not named & held_out
    called = {word for text in said(training, "assistant") for word in re.findall(r"(\w+)님", text)}
    assert not called & held_out


@pytest.mark.parametrize("seed", [0, 1])
def test_no_question_from_outside_that_is_held_out_is_trained_on(expand: Expand, seed: int) -> None:
    expansion, training, measured = expand(seed)
    asked = {text_key(text) for text in said(training, "user")}
    by_hand = {text_key(text) for parts in expansion.unknown.values() for text in parts.test}
    by_template = {text_key(m.sample.turns[-2].content) for m in measured if m.measure == "unknown_by_template"}
    assert (len(by_hand), len(by_template)) > (120, 120)
    assert not by_hand & asked
    assert not by_template & asked


def test_of_some_items_each_is_dealt_once_before_one_comes_again() -> None:
    dealer, items, others = Dealer("0"), ["가", "나", "다"], ["가", "라"]
    dealt = [(dealer.deal(items), dealer.deal(others)) for _ in range(30)]
    for n in range(0, 30, 3):
        assert sorted(item for item, _ in dealt[n : n + 3]) == items
    for n in range(0, 30, 2):
        assert sorted(other for _, other in dealt[n : n + 2]) == others
    assert len({item for item, _ in dealt[::3]}) == 3
    again = Dealer("0")
    assert dealt == [(again.deal(items), again.deal(others)) for _ in range(30)]


def test_no_way_is_left_out_by_chance(starter: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "TYPED", 0.0)
    expansion = Expansion(starter, 0)
    asked = said(list(expansion.training(20_000)), "user")
    assert min(asked[way] for parts in expansion.ways.values() for way in parts.train) >= 2
    assert all(asked[text] for parts in expansion.unknown.values() for text in parts.train)


def test_every_intent_occurs_about_equally_often(starter: Starter, expand: Expand) -> None:
    _, training, _ = expand(0)
    intent_of = {answer: intent.name for intent in starter.intents.values() for answer in intent.answers}
    times: Counter[str] = Counter()
    for answer, n in said(training, "assistant").items():
        times[intent_of.get(answer, "")] += n
    del times[""]
    in_scenes = {name for s in starter.scenes.values() for p in s.parts if isinstance(p, AnyOf) for name in p.intents}
    usual = median(times.values())
    assert set(times) == set(starter.intents)
    assert all(0.7 * usual < times[name] for name in starter.intents)
    assert all(times[name] < (2.5 if name in in_scenes else 1.4) * usual for name in starter.intents)


def test_every_scene_and_every_kind_of_question_from_outside_occurs(starter: Starter, expand: Expand) -> None:
    expansion, training, _ = expand(0)
    answers = said(training, "assistant")
    for scene in starter.scenes.values():
        last = scene.parts[-1]
        assert isinstance(last, SceneExchange)
        if not scene.slots():
            assert sum(answers[answer] for answer in last.bot) > 10, scene.name
    asked = {text_key(text) for text in said(training, "user")}
    for kind, parts in expansion.unknown.items():
        trained = [text_key(text) in asked for text in parts.train]
        assert sum(trained) > 0.4 * len(trained), kind
    assert set(answers) >= set(starter.unknown.answers)


def test_every_answer_of_an_intent_is_given(starter: Starter, expand: Expand) -> None:
    _, training, _ = expand(0)
    assert set(said(training, "assistant")) >= {a for intent in starter.intents.values() for a in intent.answers}


def test_the_shares_of_the_kinds_add_up_to_one() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)


def test_a_name_is_in_the_answer_as_it_was_told(expand: Expand) -> None:
    _, training, _ = expand(0)
    named = [sample for sample in training if "name" in sample.values]
    assert len(named) > 0.2 * len(training)
    for sample in named:
        name = sample.values["name"]
        told = [turn.content for turn in sample.turns if turn.role == "user"]
        called = [turn.content for turn in sample.turns if turn.role == "assistant"]
        assert any(name in text.replace(" ", "") for text in told), sample
        assert any(re.search(rf"(^|[ \W]){name}님", text) for text in called), sample


def test_names_are_at_least_1500_and_a_quarter_of_them_random(expand: Expand, starter: Starter) -> None:
    expansion, training, _ = expand(0)
    trained_on = {sample.values["name"] for sample in training if "name" in sample.values}
    names = starter.names
    usual = {*names.whole, *(first + second for first in names.first for second in names.second)}
    assert len(trained_on) >= 1500
    assert len([name for name in trained_on if name not in usual]) >= 0.25 * len(trained_on)
    assert len(expansion.names.train) == len(set(expansion.names.train))


def test_the_common_syllables_are_the_2350_of_the_standard() -> None:
    assert len(set(COMMON)) == 2350
    assert (COMMON[0], COMMON[-1]) == ("가", "힝")


def test_one_way_more_moves_few_others_to_another_part() -> None:
    before, after = divide(WAYS, 0.15, 0), divide([*WAYS, "들에 꽃이 있어"], 0.15, 0)
    assert (len(before.valid), len(before.test)) == (1, 3)
    assert len(set(before.test) ^ (set(after.test) - {"들에 꽃이 있어"})) <= 1


def test_dividing_keeps_the_order_and_loses_nothing() -> None:
    for parts in (divide(WAYS, 0.3, 0, valid=0.2), divide_by_hash(WAYS, 0.3, 0, {}, valid=0.2)):
        assert sorted([*parts.train, *parts.valid, *parts.test]) == sorted(WAYS)
        assert parts.held_out == parts.valid + parts.test
        for part in (parts.train, parts.valid, parts.test):
            assert part
            assert [*part] == [way for way in WAYS if way in part]


def test_by_the_hash_a_text_is_in_the_same_part_whatever_stands_beside_it() -> None:
    all_of_them = divide_by_hash(WAYS, 0.3, 0, {}, valid=0.2)
    for part in ("valid", "test"):
        alone = [way for way in WAYS if getattr(divide_by_hash([way, "기준"], 0.3, 0, {"기준": "train"}, 0.2), part)]
        assert [*getattr(all_of_them, part)] == alone


def test_a_way_that_an_intent_has_too_is_held_out_of_scenes_where_it_is_there() -> None:
    settled = {text_key(way): ("train", "valid", "test")[n % 3] for n, way in enumerate(WAYS)}
    marked = [f"{way}!" for way in WAYS]
    parts = Parts(tuple(marked[::3]), tuple(marked[1::3]), tuple(marked[2::3]))
    assert divide_by_hash(marked, 0.15, 0, settled) == parts


def test_a_text_alone_is_trained_on() -> None:
    assert all(divide_by_hash(["왜?"], 0.15, seed, {}).train == ("왜?",) for seed in range(30))


def test_a_small_corpus_gives_what_there_is_and_ends(folder: Any) -> None:
    training = list(Expansion(read_starter(folder.write()), 0).training(5_000))
    assert 500 < len(training) < 4_900


def test_one_scene_more_leaves_the_dialogues_of_one_exchange_as_they_were(folder: Any) -> None:
    singles = [s.turns for s in islice(Expansion(read_starter(folder.write()), 0).training(100), 20)]
    folder.contents["scenes/names.yaml"]["scenes"]["bye"] = {"turns": [{"user": ["잘 가"], "bot": ["네!"]}]}
    assert [s.turns for s in islice(Expansion(read_starter(folder.write()), 0).training(100), 20)] == singles
