"""A reply that was said before in the dialogue is not said again where another is about as likely."""

from collections.abc import Sequence

import pytest

from tests.generation.asking import asked
from tests.generation.test_untold_names import Says
from tinychat.generation import reply_rules
from tinychat.generation.engine import Engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.model.generation_config import GenerationConfig
from tinychat.tokenizer import Tokenizer

# The fake decoder gives each the 2.7th part of the one before.
JOKES = ("안녕하세요. 김밥", "안녕하세요. 국수", "고마워")
TALK = ["농담해 줘", JOKES[0], "하나 더"]


def engine(tokenizer: Tokenizer, texts: Sequence[str] = JOKES) -> Engine:
    return Engine(Says(tokenizer, *texts), tokenizer, generation=GenerationConfig(64))


def reply(talker: Engine, *talk: str, **options: object) -> str:
    return talker.reply([asked(*talk)], SamplingOptions(**{"max_tokens": 64, **options}))[0].text  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def third_is_likely_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_rules, "MAX_MARGIN", 2.5)


def test_the_next_likely_one_takes_its_place(bpe: Tokenizer) -> None:
    assert reply(engine(bpe), "농담해 줘") == JOKES[0]
    assert reply(engine(bpe), *TALK) == JOKES[1]


def test_spaces_before_it_which_are_not_shown_do_not_make_it_another_one(bpe: Tokenizer) -> None:
    assert reply(engine(bpe, (f"  {JOKES[0]}", JOKES[1])), *TALK) == JOKES[1]


def test_each_comes_once(bpe: Tokenizer) -> None:
    assert reply(engine(bpe), *TALK, JOKES[1], "또") == JOKES[2]


def test_a_reply_that_only_begins_alike_stays(bpe: Tokenizer) -> None:
    assert reply(engine(bpe), "농담해 줘", JOKES[0] + "!", "하나 더") == JOKES[0]


def test_where_no_other_is_about_as_likely_it_is_said_again(bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_rules, "MAX_MARGIN", 0.5)
    assert reply(engine(bpe), *TALK) == JOKES[0]
    assert reply(engine(bpe, JOKES[:1]), *TALK) == JOKES[0]


def test_a_sampled_reply_is_another_too(bpe: Tokenizer) -> None:
    for seed in range(5):
        assert reply(engine(bpe), *TALK, method="sample", temperature=0.1, seed=seed) == JOKES[1]


def test_a_stream_shows_nothing_of_what_is_taken_back(bpe: Tokenizer) -> None:
    with engine(bpe).stream(asked(*TALK), SamplingOptions(max_tokens=64)) as stream:
        assert "".join(stream) == stream.reply.text == JOKES[1]


def test_in_a_batch_it_is_the_reply_alone(bpe: Tokenizer) -> None:
    talker = engine(bpe)
    dialogues = [asked("농담해 줘"), asked(*TALK), asked(*TALK, JOKES[1], "또")]
    replies = talker.reply(dialogues, SamplingOptions(max_tokens=64))
    assert [one.text for one in replies] == list(JOKES)
    assert all(len(one.choices) == len(one.token_ids) + 1 for one in replies)
    assert talker.free_slots == 2


def test_a_model_without_what_was_measured_in_training_says_what_is_likeliest(bpe: Tokenizer) -> None:
    assert reply(Engine(Says(bpe, *JOKES), bpe), *TALK) == JOKES[0]
