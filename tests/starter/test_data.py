"""What data/starter itself must keep: run this after you changed a file there."""

import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
import yaml

from benchmarks.recall import UNSEEN_WORDS
from tinychat.corpus.text_keys import text_key
from tinychat.starter.evaluation_set import ODD_NAMES
from tinychat.starter.expanding import Expansion
from tinychat.starter.nearness import stems
from tinychat.starter.particles import PAIRS, fill, slots_in, without_slots
from tinychat.starter.reading import (
    NAME_SLOTS,
    IntentExchange,
    OutOfScope,
    OutOfScopeExchange,
    Scene,
    SceneExchange,
    Starter,
)

LONGEST_ANSWER, LONGEST_PHRASING = 60, 40
# Sentences of an answer that need no verb: sounds, calls, lists.
INTERJECTIONS = {
    "토닥토닥!",
    "멍멍!",
    "야옹!",
    "야호!",
    "굿나잇!",
    "굿모닝!",
    "후우!",
    "철썩, 쏴아, 철썩!",
    "하나 둘, 하나 둘!",
    "보글보글, 지글지글.",
    "늦잠, 산책, 맛있는 것.",
    "손은 없지만 마음으로 짝짝짝!",
    "네, 약속!",
}
# 해요체: -요, -죠, and -답니다/-랍니다, which tells gently; a riddle asks 건? or 꽃은?; a name or a thing is called.
POLITE = re.compile(r"(요|죠|[답랍]니다)[.!?~]+$|(건|꽃은)\?$|(^|[ ,])\{\w+\}님?!$|\{\w+:이에요/예요\}[.!]$")
BARE_PARTICLE = re.compile(
    r"\}(은|는|이|가|을|를|과|와|아|야|으로|로|이라고|라고|이라|라|이에요|예요|이야|이네요|네요|이랑|랑)(?![가-힣])"
)


def exchanges(starter: Starter) -> Iterator[tuple[Scene, SceneExchange]]:
    for scene in starter.scenes.values():
        for step in scene.steps:
            if isinstance(step, SceneExchange):
                yield scene, step


def answers(starter: Starter) -> list[str]:
    """Each answer once for each list that it stands in; a list that several scenes share is one list."""
    lists = [intent.answers for intent in starter.intents.values()]
    lists += [texts.answers for texts in out_of_scope(starter)]
    return [text for texts in dict.fromkeys([*lists, *(step.bot for _, step in exchanges(starter))]) for text in texts]


def out_of_scope(starter: Starter) -> list[OutOfScope]:
    return [*starter.out_of_scope.values()]


def out_of_scope_slots(starter: Starter) -> dict[str, tuple[str, ...]]:
    return {slot: values for one in out_of_scope(starter) for slot, values in one.slots.items()}


def by_hand(starter: Starter) -> list[str]:
    lists = [texts for one in out_of_scope(starter) for texts in (*one.ask.values(), *one.hard_negatives.values())]
    return [text for texts in lists for text in texts]


def templates(starter: Starter) -> list[str]:
    return [text for one in out_of_scope(starter) for text in one.templates]


def phrasings(starter: Starter) -> list[str]:
    return [phrasing for intent in starter.intents.values() for phrasing in (*intent.ask, *intent.with_details)]


def scene_phrasings(starter: Starter) -> list[str]:
    return [text for texts in dict.fromkeys(step.user for _, step in exchanges(starter)) for text in texts]


def slot_values(starter: Starter) -> dict[str, tuple[str, ...]]:
    expansion = Expansion(starter, 0)
    names = (*expansion.names.train, *expansion.names.held_out, *ODD_NAMES)
    return {**dict.fromkeys(NAME_SLOTS, names), **starter.slots, **out_of_scope_slots(starter)}


def all_texts(starter: Starter) -> list[str]:
    values = [value for values in slot_values(starter).values() for value in values]
    texts = [
        *phrasings(starter),
        *scene_phrasings(starter),
        *answers(starter),
        *by_hand(starter),
        *templates(starter),
    ]
    return [*texts, *values]


def twice(texts: list[str]) -> list[str]:
    """Texts whose letters, without case, spaces and marks, stand twice."""
    times = Counter(text_key(text) for text in texts)
    return [text for text in texts if times[text_key(text)] > 1]


def test_there_are_100_intents_with_30_phrasings_and_3_to_5_answers_each(starter: Starter) -> None:
    assert len(starter.intents) >= 100
    assert not [name for name, intent in starter.intents.items() if len(intent.ask) + len(intent.with_details) < 30]
    assert not [name for name, intent in starter.intents.items() if not 3 <= len(intent.answers) <= 5]


def test_no_way_to_ask_stands_twice_among_intents_and_questions_from_outside(starter: Starter) -> None:
    assert not twice([*phrasings(starter), *by_hand(starter), *templates(starter)])


def test_no_turn_of_a_scene_has_a_way_twice(starter: Starter) -> None:
    assert not [(scene.name, twice([*step.user])) for scene, step in exchanges(starter) if twice([*step.user])]


def test_a_scene_that_needs_no_earlier_answer_shares_no_way_with_an_intent(starter: Starter) -> None:
    """고마워 after an intent's answer may be answered otherwise than 고마워 alone."""
    known = {text_key(phrasing) for phrasing in [*phrasings(starter), *by_hand(starter)]}
    starting = [
        s for s in starter.scenes.values() if s.slots or not isinstance(s.steps[0], IntentExchange | OutOfScopeExchange)
    ]
    shared = {
        (scene.name, phrasing)
        for scene in starting
        for step in scene.steps
        if isinstance(step, SceneExchange)
        for phrasing in step.user
        if text_key(phrasing) in known
    }
    assert starting
    assert not shared


def test_no_answer_stands_twice(starter: Starter) -> None:
    assert not twice(answers(starter))


def test_nobody_says_what_the_bot_answers(starter: Starter) -> None:
    said = {text_key(text) for text in answers(starter)}
    assert not [
        phrasing
        for phrasing in [*phrasings(starter), *scene_phrasings(starter), *by_hand(starter)]
        if text_key(phrasing) in said
    ]


def test_no_question_by_hand_and_no_way_to_ask_is_one_that_a_template_gives(starter: Starter) -> None:
    given: dict[str, str] = {}
    values_of = slot_values(starter)
    for template in templates(starter):
        slots = sorted({slot for slot, _ in slots_in(template)})
        for values in itertools.product(*(values_of[slot] for slot in slots)):
            text = fill(template, dict(zip(slots, values, strict=True)))
            assert given.setdefault(text_key(text), template) == template, text
    assert len(given) > 5_000
    everything = [*by_hand(starter), *phrasings(starter), *scene_phrasings(starter)]
    assert not [text for text in everything if text_key(text) in given]


@pytest.mark.parametrize(
    ("which", "texts", "kinds", "n_templates", "n_answers"),
    [("unknown", 600, 20, 80, 24), ("statements", 600, 14, 40, 24), ("advice", 400, 10, 20, 14)],
)
def test_there_is_enough_that_is_out_of_scope_and_30_texts_of_each_kind(
    starter: Starter, which: str, texts: int, kinds: int, n_templates: int, n_answers: int
) -> None:
    one: OutOfScope = starter.out_of_scope[which]
    assert sum(map(len, one.ask.values())) >= texts
    assert len(one.ask) >= kinds
    assert not [kind for kind, said in (*one.ask.items(), *one.hard_negatives.items()) if len(said) < 30]
    assert len(one.templates) >= n_templates
    assert len(one.answers) >= n_answers


def test_no_statement_is_a_question(starter: Starter) -> None:
    statements = starter.out_of_scope["statements"]
    by_hand = (*statements.ask.values(), *statements.hard_negatives.values())
    said = [*statements.templates, *(text for texts in by_hand for text in texts)]
    assert not [text for text in said if "?" in text or re.search(r"(까|[^ ]나요|니|냐|은가요)[.!~]*$", text)]


def test_there_are_names_and_phrasings_that_tell_and_ask_for_one(starter: Starter) -> None:
    tell, ask = (step for step in starter.scenes["name_recall"].steps if isinstance(step, SceneExchange))
    assert len(tell.user) >= 25
    assert len(ask.user) >= 25
    expansion = Expansion(starter, 0)
    names = (*expansion.names.train, *expansion.names.held_out)
    first, second, whole = starter.names.first, starter.names.second, starter.names.whole
    usual = {*whole, *(one + two for one in first for two in second)}
    assert len(set(names)) == len(names) >= 1_500
    assert len([name for name in names if name not in usual]) >= len(names) / 4


@pytest.mark.parametrize("which", ["food", "animal", "hobby", "color"])
def test_a_slot_has_values_enough_and_none_twice(starter: Starter, which: str) -> None:
    assert len(starter.slots[which]) >= 25


def test_no_value_of_a_slot_stands_twice(starter: Starter) -> None:
    assert len(out_of_scope_slots(starter)) == sum(len(one.slots) for one in out_of_scope(starter))
    lists = {**starter.slots, **out_of_scope_slots(starter)}
    lists |= {"first": starter.names.first, "second": starter.names.second, "whole": starter.names.whole}
    assert not {slot: twice([*values]) for slot, values in lists.items() if twice([*values])}


def test_words_that_are_measured_as_unseen_are_in_no_slot(starter: Starter) -> None:
    for slot, words in yaml.safe_load(UNSEEN_WORDS.read_text(encoding="utf-8")).items():
        known = {value.replace(" ", "") for value in starter.slots[slot]}
        assert not [word for word in words if word.replace(" ", "") in known]


def test_every_slot_is_known_and_used(starter: Starter) -> None:
    in_scenes = {slot for scene in starter.scenes.values() for slot in scene.slots}
    assert in_scenes == {*NAME_SLOTS, *starter.slots}
    for one in out_of_scope(starter):
        assert {slot for template in one.templates for slot, _ in slots_in(template)} == set(one.slots)


def test_the_user_tells_what_the_bot_says_back(starter: Starter) -> None:
    """No answer of a scene has a slot that no phrasing before it has."""
    for scene in starter.scenes.values():
        given: set[str] = set()
        for step in scene.steps:
            if isinstance(step, SceneExchange):
                given |= set.intersection(*({slot for slot, _ in slots_in(phrasing)} for phrasing in step.user))
                assert {slot for text in step.bot for slot, _ in slots_in(text)} <= given, scene.name


def test_a_particle_agrees_with_every_value_that_can_stand_before_it(starter: Starter) -> None:
    values = slot_values(starter)
    pairs: dict[str, set[str]] = defaultdict(set)
    for text in [*scene_phrasings(starter), *answers(starter), *templates(starter)]:
        for slot, pair in slots_in(text):
            if pair is not None:
                pairs[slot].add(pair)
    assert len(pairs) > 10
    for slot, used in pairs.items():
        for pair, value in itertools.product(used, values[slot]):
            # The last jamo of the canonical decomposition is a final consonant, or a vowel.
            final = unicodedata.normalize("NFD", value)[-1]
            assert "가" <= value[-1] <= "힣", f"{slot}: {value} is followed by {pair}, and is no Hangul"
            after_consonant, after_vowel = PAIRS[pair]
            is_vowel = not "\u11a8" <= final <= "\u11c2" or (pair == "으로/로" and final == "\u11af")
            assert fill(f"{{x:{pair}}}", {"x": value}) == value + (after_vowel if is_vowel else after_consonant)


def test_no_particle_stands_bare_behind_a_slot(starter: Starter) -> None:
    texts = [*scene_phrasings(starter), *answers(starter), *templates(starter)]
    assert not [text for text in texts if BARE_PARTICLE.search(text)]


@pytest.mark.slow
def test_what_the_user_says_tells_one_name_only(starter: Starter) -> None:
    """나는 봄이야: a name that ends in 이 after a consonant (봄이) would sound like the shorter one (봄)."""
    names = slot_values(starter)["name"]
    whole = starter.names.whole
    assert not [
        name for name in whole if re.search(r"[\u11a8-\u11c2]\u110b\u1175$", unicodedata.normalize("NFD", name))
    ]
    for phrasing in starter.scenes["name_recall"].steps[1].user:  # type: ignore[union-attr]
        counts = Counter(text_key(fill(phrasing, {"name": name})) for name in names)
        assert max(counts.values()) == 1, (phrasing, counts.most_common(1))


def test_no_answer_is_too_long_even_with_the_longest_values(starter: Starter) -> None:
    longest = {slot: max(values, key=len) for slot, values in slot_values(starter).items()}
    assert not [text for text in answers(starter) if len(fill(text, longest)) > LONGEST_ANSWER]


def test_no_way_to_ask_is_too_long(starter: Starter) -> None:
    texts = [*phrasings(starter), *by_hand(starter), *scene_phrasings(starter)]
    assert not [text for text in texts if len(without_slots(text)) > LONGEST_PHRASING]


def test_every_sentence_of_an_answer_is_polite_and_ends_with_a_mark(starter: Starter) -> None:
    impolite = {
        sentence
        for text in answers(starter)
        for sentence in re.split(r"(?<=[.!?~])\s+", text)
        if not POLITE.search(sentence)
    }
    assert impolite == INTERJECTIONS  # each exception is needed


def test_no_answer_is_formal(starter: Starter) -> None:
    assert not [text for text in answers(starter) if re.search(r"[습입합십]니[다까]|십시오|[^답랍]니다", text)]


def test_at_most_half_of_the_answers_end_with_a_question(starter: Starter) -> None:
    asking = [text for text in answers(starter) if text.endswith("?")]
    assert len(asking) < len(answers(starter)) / 2


def test_the_text_is_nfc(starter: Starter) -> None:
    assert not [text for text in all_texts(starter) if not unicodedata.is_normalized("NFC", text)]


def test_spaces_are_single_and_stand_before_no_mark(starter: Starter) -> None:
    wrong = re.compile(r"\s\s|^\s|\s$|\s[.,!?~]|[^\S ]|[.,!?](?=[가-힣])")
    assert not [text for text in all_texts(starter) if wrong.search(text)]


def test_answers_hold_syllables_latin_letters_digits_and_marks_only(starter: Starter) -> None:
    allowed = re.compile(r"[가-힣A-Za-z0-9 .,!?~']+")
    assert not [text for text in answers(starter) if not allowed.fullmatch(without_slots(text))]


def test_what_a_user_says_holds_hangul_latin_letters_digits_and_marks_only(starter: Starter) -> None:
    allowed = re.compile(r"""[가-힣ㄱ-ㅎㅏ-ㅣA-Za-z0-9 .,!?~'"+*/()\-]*""")
    assert not [text for text in all_texts(starter) if not allowed.fullmatch(without_slots(text))]


def test_laughing_and_crying_is_seldom_written_out(starter: Starter) -> None:
    """What people type (ㅋㅋ, ㅠㅠ) is added by the expansion."""
    for name, intent in starter.intents.items():
        typed = [phrasing for phrasing in intent.ask if re.search(r"[ㅋㅎ]{2}|[ㅠㅜ]", phrasing)]
        assert len(typed) <= 2 or name == "laugh", (name, typed)


def test_every_core_word_occurs_in_three_phrasings(starter: Starter) -> None:
    """Hardly a phrasing without a word that stands in three phrasings of its intent; the rest of it is seldom alone."""
    alone = []
    for name, intent in starter.intents.items():
        times = Counter(word for phrasing in intent.ask for word in stems(phrasing))
        lonely = [
            phrasing for phrasing in intent.ask if stems(phrasing) and all(times[word] < 3 for word in stems(phrasing))
        ]
        assert len(lonely) <= 3, (name, lonely)
        alone += lonely
        in_two = [phrasing for phrasing in intent.ask if all(times[word] > 1 for word in stems(phrasing))]
        assert len(in_two) >= 0.6 * len(intent.ask), name
    assert len(alone) < 0.01 * sum(len(intent.ask) for intent in starter.intents.values())


def test_phrasings_are_polite_and_familiar_with_marks_and_without(starter: Starter) -> None:
    for name, intent in starter.intents.items():
        both = (*intent.ask, *intent.with_details)
        polite = [phrasing for phrasing in both if re.search(r"(요|죠|니다|니까)[.!?~]*$", phrasing)]
        marked = [phrasing for phrasing in both if phrasing[-1] in ".!?~"]
        assert len(polite) < len(both), name
        assert polite or name == "teasing"
        assert len(marked) < len(both), name
