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
from tinychat.params.loading import load_params
from tinychat.starter import expanding
from tinychat.starter.drawing import Rng
from tinychat.starter.evaluation_set import EvalDialogue
from tinychat.starter.expanding import (
    ALWAYS_TRAINED,
    COMMON_SYLLABLES,
    CONNECTORS,
    HELD_OUT_SHARE,
    N_NAMES,
    SHARES,
    Expansion,
    StarterDialogue,
    connected,
)
from tinychat.starter.holdout import VALID_SHARE, HoldOut, hold_out, hold_out_by_hash
from tinychat.starter.out_of_scope import HELD_OUT_OF_SCOPE_SHARE
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import IntentExchange, SceneExchange, Starter, read_starter

Expand = Callable[[int], tuple[Expansion, list[StarterDialogue], list[EvalDialogue]]]
SEEDS = (0, pytest.param(1, marks=pytest.mark.slow))
PHRASINGS = [
    f"{place}에 {what} 있어" for place in ("집", "밖", "산", "강") for what in ("누가", "뭐가", "언제", "왜", "꽃이")
]


def said(dialogues: list[StarterDialogue], role: str) -> Counter[str]:
    return Counter(turn.content for dialogue in dialogues for turn in dialogue.turns if turn.role == role)


PRINT_DIGEST = """
import hashlib, sys
from pathlib import Path
from tinychat.starter.expanding import Expansion
from tinychat.starter.reading import read_starter
from tinychat.starter.evaluation_set import evaluation_set

for folder in sys.argv[1:]:
    expansion = Expansion(read_starter(Path(folder)), 0)
    print(hashlib.sha256(repr([*expansion.training(1000), *evaluation_set(expansion)]).encode()).hexdigest())
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
    shared = {dialogue.turns for dialogue in training} & {dialogue.turns for dialogue in other_training}
    assert len(shared) < len(training) / 2
    assert one.names.held_out != other.names.held_out
    assert one.out_of_scope["unknown"].templates.held_out != other.out_of_scope["unknown"].templates.held_out
    assert (
        sum(one.phrasings[name].held_out == other.phrasings[name].held_out for name in one.phrasings)
        < len(one.phrasings) / 10
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [100, 2_000, 10_000])
def test_it_makes_about_as_many_dialogues_as_are_wanted_and_none_twice(starter: Starter, size: int) -> None:
    training = list(Expansion(starter, 0).training(size))
    assert 0.98 * size <= len(training) <= size + len(SHARES)
    assert len({dialogue.turns for dialogue in training}) >= 0.99 * len(
        training
    )  # within a kind none, between them few


@pytest.mark.slow
def test_a_dialogue_has_one_to_ten_exchanges_and_the_user_begins(expand: Expand) -> None:
    _, training, measured = expand(0)
    for dialogue in (*training, *(one.dialogue for one in measured)):
        assert [turn.role for turn in dialogue.turns] == ["user", "assistant"] * (len(dialogue.turns) // 2)
        assert 1 <= len(dialogue.turns) // 2 <= 10
    exchanges = Counter(len(dialogue.turns) // 2 for dialogue in training)
    assert exchanges[1] / len(training) < 0.6
    assert min(exchanges[n] for n in (2, 3, 4, 5)) > 100


def test_every_slot_is_filled(expand: Expand) -> None:
    _, training, measured = expand(0)
    texts = [turn.content for dialogue in (*training, *(one.dialogue for one in measured)) for turn in dialogue.turns]
    assert not [text for text in texts if "{" in text or "}" in text]


def test_what_is_held_out_is_the_share_that_was_promised(expand: Expand) -> None:
    expansion, _, _ = expand(0)

    def sizes(n: int, test: float) -> tuple[int, int]:
        return round(n * VALID_SHARE), round(n * test)

    for split in (*expansion.phrasings.values(), *expansion.with_details.values()):
        assert (len(split.valid), len(split.test)) == sizes(len(split.train) + len(split.held_out), HELD_OUT_SHARE)
    for split in (one for texts in expansion.out_of_scope.values() for one in (*texts.by_hand, texts.templates)):
        assert (len(split.valid), len(split.test)) == sizes(
            len(split.train) + len(split.held_out), HELD_OUT_OF_SCOPE_SHARE
        )
    assert (len(expansion.names.valid), len(expansion.names.test)) == sizes(N_NAMES, HELD_OUT_SHARE)
    scenes = [*expansion.scene_phrasings.values()]
    n = sum(len(split.train) + len(split.held_out) for split in scenes)
    assert sum(len(split.test) for split in scenes) / n == pytest.approx(HELD_OUT_SHARE, abs=0.05)
    assert sum(len(split.valid) for split in scenes) / n == pytest.approx(VALID_SHARE, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_plainest_phrasings_are_trained_on_and_oftener_than_the_others(expand: Expand, seed: int) -> None:
    expansion, training, _ = expand(seed)
    asked = said(training, "user")
    plainest, others = 0, 0.0
    for name, intent in expansion.starter.intents.items():
        phrasings = expansion.phrasings[name].train
        assert phrasings[:ALWAYS_TRAINED] == intent.ask[:ALWAYS_TRAINED]
        plainest += sum(asked[phrasing] for phrasing in phrasings[:ALWAYS_TRAINED]) / ALWAYS_TRAINED
        rest = phrasings[ALWAYS_TRAINED:] + expansion.with_details[name].train
        others += sum(asked[phrasing] for phrasing in rest) / len(rest)
    assert plainest > 3 * others


@pytest.mark.parametrize("seed", SEEDS)
def test_no_way_that_is_held_out_is_trained_on(expand: Expand, seed: int) -> None:
    expansion, training, _ = expand(seed)
    asked = {text_key(text) for text in said(training, "user")}
    splits = [*expansion.phrasings.values(), *expansion.with_details.values()]
    held_out = {text_key(phrasing) for split in splits for phrasing in split.held_out}
    assert len(held_out) > 1400
    assert not held_out & asked


@pytest.mark.parametrize("seed", SEEDS)
def test_no_way_of_a_scene_that_is_held_out_is_trained_on_in_a_scene(expand: Expand, seed: int) -> None:
    expansion, training, _ = expand(seed)
    held_out = {phrasing for split in expansion.scene_phrasings.values() for phrasing in split.held_out}
    with_slot = {phrasing for phrasing in held_out if slots_in(phrasing)}
    assert min(len(with_slot), len(held_out - with_slot)) > 20
    keys = {text_key(phrasing) for phrasing in held_out - with_slot}
    asked = {text_key(text) for text in said(training, "user")}
    assert not keys & asked
    for dialogue in training:
        if dialogue.slot_values:
            texts = {turn.content for turn in dialogue.turns[::2]}
            slots = set(dialogue.slot_values)
            filled = {
                fill(phrasing, dialogue.slot_values)
                for phrasing in with_slot
                if {slot for slot, _ in slots_in(phrasing)} <= slots
            }
            assert not filled & texts


@pytest.mark.parametrize("seed", SEEDS)
def test_a_name_that_is_held_out_is_nobodys_name_in_training(expand: Expand, seed: int) -> None:
    expansion, training, _ = expand(seed)
    held_out = set(expansion.names.held_out)
    named = {dialogue.slot_values["name"] for dialogue in training if "name" in dialogue.slot_values}
    assert len(held_out) == round(2400 * 0.15) + round(2400 * 0.04)
    assert not named & held_out
    called = {word for text in said(training, "assistant") for word in re.findall(r"(\w+)님", text)}
    assert not called & held_out


@pytest.mark.parametrize("seed", SEEDS)
def test_no_question_from_outside_that_is_held_out_is_trained_on(expand: Expand, seed: int) -> None:
    expansion, training, measured = expand(seed)
    asked = {text_key(text) for text in said(training, "user")}
    splits = [split for texts in expansion.out_of_scope.values() for split in texts.by_hand]
    by_hand = {text_key(text) for split in splits for text in split.held_out}
    by_template = {text_key(m.dialogue.turns[-2].content) for m in measured if m.measure == "unknown_by_template"}
    assert (len(by_hand), len(by_template)) > (120, 120)
    assert not by_hand & asked
    assert not by_template & asked


def test_of_some_items_each_is_dealt_once_before_one_comes_again() -> None:
    rng, items, others = Rng("0"), ["가", "나", "다"], ["가", "라"]
    dealt = [(rng.draw_without_replacement(items), rng.draw_without_replacement(others)) for _ in range(30)]
    for n in range(0, 30, 3):
        assert sorted(item for item, _ in dealt[n : n + 3]) == items
    for n in range(0, 30, 2):
        assert sorted(other for _, other in dealt[n : n + 2]) == others
    assert len({item for item, _ in dealt[::3]}) == 3
    again = Rng("0")
    assert dealt == [(again.draw_without_replacement(items), again.draw_without_replacement(others)) for _ in range(30)]


def test_the_rarest_of_some_items_is_drawn_whatever_others_it_was_drawn_among() -> None:
    rng = Rng("0")
    drawn = [rng.draw_rarest(items) for items in (["가"], ["가", "나"], ["가", "나", "다"], ["가", "나", "다"])]
    assert drawn[:3] == ["가", "나", "다"]
    for _ in range(28):
        rng.draw_rarest(["가", "나", "다"])
    assert sorted(rng.drawn.values()) == [10, 11, 11]


def test_a_turn_gives_only_the_answers_that_it_names(folder: Any) -> None:
    scenes = folder.contents["scenes/names.yaml"]["scenes"]
    scenes["more"]["turns"][0] = {"intent": "hungry", "answers": ["얼른 드세요!"]}
    training = list(Expansion(read_starter(folder.write()), 0).training(300))
    before = [
        dialogue.turns[n - 2].content
        for dialogue in training
        for n, turn in enumerate(dialogue.turns)
        if turn.content == "그럼 얼른요!"
    ]
    assert len(before) > 5
    assert set(before) == {"얼른 드세요!"}


@pytest.mark.slow
def test_between_a_name_and_the_question_for_it_stand_scenes_and_never_another_question_for_a_name(
    starter: Starter, expand: Expand
) -> None:
    _, training, _ = expand(0)
    named = [dialogue for dialogue in training if "name" in dialogue.slot_values]
    steps = {name: [s for s in scene.steps if isinstance(s, SceneExchange)] for name, scene in starter.scenes.items()}
    lonely = {answer for answer in steps["lonely_when"][-1].bot}
    assert any(turn.content in lonely for dialogue in named for turn in dialogue.turns)
    no_name = {*steps["forgot"][-1].bot}
    late = [d for d in named if no_name & {turn.content for turn in d.turns}]
    assert late
    for dialogue in late:  # the name is told behind it, in a scene that begins so
        place = next(n for n, turn in enumerate(dialogue.turns) if turn.content in no_name)
        assert dialogue.slot_values["name"] in dialogue.turns[place + 1].content.replace(" ", "")


def test_what_follows_another_exchange_may_begin_as_a_change_of_topic_does_and_what_begins_does_not(
    expand: Expand,
) -> None:
    expansion, training, _ = expand(0)
    plain = {text_key(text) for split in expansion.phrasings.values() for text in split.train}
    held_out = {text_key(text) for split in expansion.phrasings.values() for text in split.held_out}

    def changes(text: str) -> bool:
        return any(text.startswith(f"{one} ") and text_key(text[len(one) :]) in plain for one in CONNECTORS)

    later = [turn.content for dialogue in training for turn in dialogue.turns[2::2]]
    known = plain | {text_key(text) for splits in expansion.scene_phrasings.values() for text in splits.train}
    connecting = [text for text in later if changes(text) and text_key(text) not in known]
    assert len(connecting) > 200
    assert not {text_key(text) for text in connecting} & held_out
    first = [dialogue.turns[0].content for dialogue in training]
    assert not [text for text in first if changes(text) and text_key(text) not in known]


@pytest.mark.parametrize("text", ["배고파", "안녕 티니야", "아 배고프다", "응 그래", "근데 뭐 먹지"])
def test_one_word_a_greeting_and_a_sound_change_no_topic(text: str) -> None:
    assert connected(text, Rng("0")) is None


def test_what_stands_in_a_slot_is_typed_as_it_is(starter: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "TYPING_NOISE_SHARE", 1.0)
    expansion, rng = Expansion(starter, 0), Rng("0")
    typed = {expansion.filled("나는 {name:이야/야}", {"name": "수거"}, rng) for _ in range(500)}
    assert len(typed) > 10
    assert all("수거야" in text.replace(" ", "") for text in typed)  # 거야 is typed as 꺼야 elsewhere


@pytest.mark.slow
def test_no_way_is_left_out_by_chance(starter: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "TYPING_NOISE_SHARE", 0.0)
    expansion = Expansion(starter, 0)
    dialogues = load_params(Path(__file__).parents[2]).corpus.starter.dialogues
    asked = said(list(expansion.training(dialogues)), "user")
    assert min(asked[phrasing] for split in expansion.phrasings.values() for phrasing in split.train) >= 1
    detailed = [asked[phrasing] for split in expansion.with_details.values() for phrasing in split.train]
    assert sum(map(bool, detailed)) > 0.9 * len(detailed)
    for split in expansion.out_of_scope.values():
        times = [asked[text] for text in split.train_by_hand]
        assert min(times) >= 1
        assert max(times) <= 2 * median(times)  # in a long list or in a short one


def test_every_phrasing_occurs_about_equally_often_however_many_its_intent_has(
    starter: Starter, expand: Expand
) -> None:
    expansion, training, _ = expand(0)
    intent_of = {answer: intent.name for intent in starter.intents.values() for answer in intent.answers}
    exchanges: Counter[str] = Counter()
    for answer, n in said(training, "assistant").items():
        exchanges[intent_of.get(answer, "")] += n
    del exchanges[""]
    times = {name: n / len(expansion.train_phrasings_of(starter.intents[name])) for name, n in exchanges.items()}
    in_scenes = {
        name for s in starter.scenes.values() for p in s.steps if isinstance(p, IntentExchange) for name in p.intents
    }
    usual = median(times.values())
    assert set(times) == set(starter.intents)
    assert all(0.7 * usual < times[name] for name in starter.intents)
    assert all(times[name] < (2.5 if name in in_scenes else 1.4) * usual for name in starter.intents)


def test_every_scene_and_every_kind_of_question_from_outside_occurs(starter: Starter, expand: Expand) -> None:
    expansion, training, _ = expand(0)
    answers = said(training, "assistant")
    for scene in starter.scenes.values():
        exchanges = [step for step in scene.steps if isinstance(step, SceneExchange)]
        if exchanges and not scene.slots:
            assert sum(answers[answer] for answer in exchanges[-1].bot) > 10, scene.name
    asked = {text_key(text) for text in said(training, "user")}
    for kind, split in expansion.out_of_scope["unknown"].by_subject.items():
        trained = [text_key(text) in asked for text in split.train]
        assert sum(trained) > 0.4 * len(trained), kind
    assert set(answers) >= set(starter.out_of_scope["unknown"].answers)


def test_every_answer_of_an_intent_is_given(starter: Starter, expand: Expand) -> None:
    _, training, _ = expand(0)
    assert set(said(training, "assistant")) >= {a for intent in starter.intents.values() for a in intent.answers}


def test_the_shares_of_the_kinds_add_up_to_one() -> None:
    assert sum(SHARES.values()) == pytest.approx(1)


def test_a_name_is_in_the_answer_as_it_was_told(expand: Expand) -> None:
    _, training, _ = expand(0)
    named = [dialogue for dialogue in training if "name" in dialogue.slot_values]
    assert len(named) > 0.2 * len(training)
    for dialogue in named:
        name = dialogue.slot_values["name"]
        user_turns = [turn.content for turn in dialogue.turns if turn.role == "user"]
        called = [turn.content for turn in dialogue.turns if turn.role == "assistant"]
        assert any(name in text.replace(" ", "") for text in user_turns), dialogue
        assert any(re.search(rf"(^|[ \W]){name}님", text) for text in called), dialogue


def test_names_are_at_least_1500_and_a_quarter_of_them_random(expand: Expand, starter: Starter) -> None:
    expansion, training, _ = expand(0)
    trained_on = {dialogue.slot_values["name"] for dialogue in training if "name" in dialogue.slot_values}
    names = starter.names
    usual = {*names.whole, *(first + second for first in names.first for second in names.second)}
    assert len(trained_on) >= 1500
    assert len([name for name in trained_on if name not in usual]) >= 0.25 * len(trained_on)
    assert len(expansion.names.train) == len(set(expansion.names.train))


def test_the_common_syllables_are_the_2350_of_the_standard() -> None:
    assert len(set(COMMON_SYLLABLES)) == 2350
    assert (COMMON_SYLLABLES[0], COMMON_SYLLABLES[-1]) == ("가", "힝")


def test_one_way_more_moves_few_others_to_another_part() -> None:
    before, after = hold_out(PHRASINGS, 0.15, 0), hold_out([*PHRASINGS, "들에 꽃이 있어"], 0.15, 0)
    assert (len(before.valid), len(before.test)) == (1, 3)
    assert len(set(before.test) ^ (set(after.test) - {"들에 꽃이 있어"})) <= 1


def test_dividing_keeps_the_order_and_loses_nothing() -> None:
    for split in (hold_out(PHRASINGS, 0.3, 0, valid=0.2), hold_out_by_hash(PHRASINGS, 0.3, 0, {}, valid=0.2)):
        assert sorted([*split.train, *split.valid, *split.test]) == sorted(PHRASINGS)
        assert split.held_out == split.valid + split.test
        for part in (split.train, split.valid, split.test):
            assert part
            assert [*part] == [phrasing for phrasing in PHRASINGS if phrasing in part]


def test_by_the_hash_a_text_is_in_the_same_part_whatever_stands_beside_it() -> None:
    all_of_them = hold_out_by_hash(PHRASINGS, 0.3, 0, {}, valid=0.2)
    for part in ("valid", "test"):
        alone = [
            phrasing
            for phrasing in PHRASINGS
            if getattr(hold_out_by_hash([phrasing, "기준"], 0.3, 0, {"기준": "train"}, 0.2), part)
        ]
        assert [*getattr(all_of_them, part)] == alone


def test_a_way_that_an_intent_has_too_is_held_out_of_scenes_where_it_is_there() -> None:
    assigned = {text_key(phrasing): ("train", "valid", "test")[n % 3] for n, phrasing in enumerate(PHRASINGS)}
    marked = [f"{phrasing}!" for phrasing in PHRASINGS]
    split = HoldOut(tuple(marked[::3]), tuple(marked[1::3]), tuple(marked[2::3]))
    assert hold_out_by_hash(marked, 0.15, 0, assigned) == split


def test_a_text_alone_is_trained_on() -> None:
    assert all(hold_out_by_hash(["왜?"], 0.15, seed, {}).train == ("왜?",) for seed in range(30))


@pytest.mark.slow
def test_a_small_corpus_gives_what_there_is_and_ends(folder: Any) -> None:
    training = list(Expansion(read_starter(folder.write()), 0).training(5_000))
    assert 500 < len(training) < 4_900


def test_one_scene_more_leaves_the_dialogues_of_one_exchange_as_they_were(folder: Any) -> None:
    singles = [s.turns for s in islice(Expansion(read_starter(folder.write()), 0).training(100), 20)]
    folder.contents["scenes/names.yaml"]["scenes"]["bye"] = {"turns": [{"user": ["잘 가"], "bot": ["네!"]}]}
    assert [s.turns for s in islice(Expansion(read_starter(folder.write()), 0).training(100), 20)] == singles


def test_that_nothing_was_told_is_said_about_as_often_as_what_an_intent_answers(
    starter: Starter, expand: Expand
) -> None:
    _, training, _ = expand(0)
    times = Counter(turn.content for dialogue in training for turn in dialogue.turns)

    def often(answers: tuple[str, ...]) -> int:
        return sum(times[answer] for answer in answers)

    usual = sorted(often(intent.answers) for intent in starter.intents.values())
    for slot in ("food", "animal", "hobby", "color"):
        step = starter.scenes[f"{slot}_never_told"].steps[-1]
        assert isinstance(step, SceneExchange)
        assert usual[0] / 2 < often(step.bot) < usual[-1]
