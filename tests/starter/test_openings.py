"""The sentences of benchmarks/openings.txt: what a model says to them shows how it takes what nobody wrote for it."""

import itertools
from collections import Counter

import pytest

from benchmarks.openings import openings, row, trained_on
from tinychat.corpus.dialogue import Dialogue, Turn
from tinychat.corpus.text_keys import text_key
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import SceneExchange, Starter


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return openings()


def said_by_users(starter: Starter) -> dict[str, list[str]]:
    """All that the starter corpus has for a user to say, by the kind; scenes' lines with slots are left out."""
    unknown = starter.out_of_scope["unknown"]
    slots = {template: sorted({slot for slot, _ in slots_in(template)}) for template in unknown.templates}
    steps = [step for scene in starter.scenes.values() for step in scene.steps if isinstance(step, SceneExchange)]
    return {
        "phrasings": [phrasing for intent in starter.intents.values() for phrasing in intent.ask],
        "scenes": [text for step in steps for text in step.user if not slots_in(text)],
        "unknown": [text for texts in unknown.ask.values() for text in texts],
        "templates": [
            fill(template, dict(zip(names, values, strict=True)))
            for template, names in slots.items()
            for values in itertools.product(*(unknown.slots[name] for name in names))
        ],
    }


def test_there_are_100_openings_and_none_stands_twice(sentences: list[str]) -> None:
    times = Counter(text_key(text) for text in sentences)
    assert len(sentences) == 100
    assert not [text for text in sentences if not text.strip() or times[text_key(text)] > 1]


def test_no_opening_is_anything_that_the_corpus_has_a_user_say(sentences: list[str], starter: Starter) -> None:
    for kind, texts in said_by_users(starter).items():
        known = {text_key(text) for text in texts}
        assert len(known) > 200, kind
        assert not [text for text in sentences if text_key(text) in known], kind


def test_an_opening_counts_as_trained_on_where_a_user_says_it_with_other_spaces_and_marks() -> None:
    dialogue = Dialogue("x:1", (Turn("user", "이따봐, 안녕~"), Turn("assistant", "또 만나요!")))
    assert trained_on(["이따 봐 안녕", "또 만나요", "안녕"], [dialogue]) == ["이따 봐 안녕"]


def test_a_reply_with_a_bar_or_a_line_break_stays_one_cell() -> None:
    assert row("a|b", "c\n d") == r"| a\|b | c d |"
