"""A reply while it is made: its pieces are whole characters, joined they are its text, and it may be closed early."""

import dataclasses
import re
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("regex")

from tests.generation.asking import GREEDY, PROMPTS, SAMPLED, ask, asked, ids_of
from tests.generation.characters import SPLITS, is_whole
from tests.generation.models import Sample
from tinychat.generation.engine import Engine
from tinychat.generation.loading import load_engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.tokenizer import Tokenizer

HOT = SamplingOptions("sample", temperature=5.0, max_tokens=40)


@pytest.fixture
def engine(talker: Sample, bpe: Tokenizer) -> Engine:
    return Engine(talker.decoder("numpy", slots=4), bpe)


@pytest.mark.parametrize("options", [GREEDY, SAMPLED, dataclasses.replace(HOT, stop=("안", "a", "\ufffd"))], ids=str)
def test_a_stream_makes_the_reply_that_is_made_at_once(engine: Engine, options: SamplingOptions) -> None:
    for prompt, reply in zip(PROMPTS, ask(engine, PROMPTS, options), strict=True):
        stream = engine.stream(asked(prompt), options)
        assert "".join(stream) == stream.reply.text == reply.text
        assert stream.reply.token_ids == reply.token_ids
        assert stream.reply.finish_reason == reply.finish_reason


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.slow
def test_no_character_of_a_wild_reply_is_ever_shown_broken(engine: Engine, split: str) -> None:
    for seed in range(200):
        stream = engine.stream(asked(PROMPTS[seed % len(PROMPTS)]), dataclasses.replace(HOT, seed=seed))
        pieces = list(stream)
        assert is_whole(pieces, stream.reply.text, SPLITS[split])
        assert "" not in pieces


@pytest.mark.slow
def test_no_reply_by_chance_holds_a_broken_character(engine: Engine) -> None:
    """Random weights choose bytes that do not go on with the character begun, nearly every time."""
    replies = [engine.reply([asked("안녕")], dataclasses.replace(HOT, seed=seed))[0] for seed in range(100)]
    assert any(not reply.text.isascii() for reply in replies)
    assert not any("\ufffd" in reply.text for reply in replies)


@pytest.mark.slow
def test_nor_of_the_trained_model(trained_folder: Path) -> None:
    engine = load_engine(trained_folder, slots=1)
    for seed in range(25):
        stream = engine.stream(asked(PROMPTS[seed % len(PROMPTS)]), dataclasses.replace(HOT, seed=seed))
        pieces = list(stream)
        assert all(is_whole(pieces, stream.reply.text, split) for split in SPLITS.values())


@pytest.mark.slow
def test_no_part_of_a_stop_text_is_shown(engine: Engine) -> None:
    stopped = 0
    for seed in range(60):
        options = dataclasses.replace(HOT, seed=seed)
        whole = engine.reply([asked("안녕")], options)[0].text
        stops = re.findall("[^\ufffd]{3}", whole[3:])[:1]
        shown = "".join(engine.stream(asked("안녕"), dataclasses.replace(options, stop=(*stops, "없는 말"))))
        assert shown == (whole[: whole.index(stops[0])] if stops else whole)
        stopped += len(stops)
    assert stopped > 30


def test_pieces_come_while_the_reply_is_made(engine: Engine) -> None:
    stream = engine.stream(asked("안녕"), dataclasses.replace(HOT, seed=4))
    first = next(iter(stream))
    assert first
    stream.close()
    assert stream.reply.text.startswith(first)
    assert len(stream.reply.token_ids) < HOT.max_tokens


def test_a_stream_that_is_closed_leaves_its_place_and_keeps_what_was_said(engine: Engine) -> None:
    whole = ask(engine, ["안녕"], HOT)[0]
    with engine.stream(asked("안녕"), HOT) as stream:
        shown = "".join(islice(stream, 3))
    assert engine.free_slots == 4
    assert stream.reply.finish_reason == "cancelled"
    assert stream.reply.token_ids == whole.token_ids[: len(stream.reply.token_ids)]
    assert whole.text.startswith(stream.reply.text)
    assert shown + "".join(stream) == stream.reply.text  # what was held back may still be had


def test_the_end_of_the_block_closes_it_though_its_pieces_are_still_in_hand(engine: Engine) -> None:
    with engine.stream(asked("안녕"), HOT) as stream:
        pieces = iter(stream)
        shown = next(pieces)
        assert engine.free_slots == 3
    assert engine.free_slots == 4
    assert shown + "".join(pieces) == stream.reply.text


def test_a_loop_that_is_left_leaves_its_place_too(engine: Engine) -> None:
    stream = engine.stream(asked("안녕"), HOT)
    for _ in stream:
        break
    assert engine.free_slots == 4
    assert stream.reply.finish_reason == "cancelled"


def test_so_does_a_block_that_an_error_ends(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), engine.stream(asked("안녕"), HOT) as stream:
        for _ in stream:
            1 / 0  # noqa: B018
    assert engine.free_slots == 4
    assert stream.reply.finish_reason == "cancelled"


def test_a_stream_that_was_closed_before_it_began_says_nothing(engine: Engine) -> None:
    stream = engine.stream(asked("안녕"), HOT)
    stream.close()
    assert list(stream) == []
    assert (stream.reply.text, stream.reply.finish_reason) == ("", "cancelled")


def test_closing_after_the_end_changes_nothing(engine: Engine) -> None:
    stream = engine.stream(asked("안녕"), GREEDY)
    list(stream)
    reply = stream.reply
    stream.close()
    assert stream.reply == reply
    assert reply.finish_reason != "cancelled"


def test_a_stream_has_no_reply_before_its_end(engine: Engine) -> None:
    stream = engine.stream(asked("안녕"), GREEDY)
    with pytest.raises(ValueError, match="has not ended"):
        _ = stream.reply


def test_streams_take_turns_and_each_says_its_own(engine: Engine) -> None:
    expected = ask(engine, PROMPTS[:3], HOT)
    streams = [engine.stream(asked(prompt), HOT) for prompt in PROMPTS[:3]]
    running = [iter(stream) for stream in streams]
    shown = ["", "", ""]
    for _ in range(HOT.max_tokens):
        for n, pieces in enumerate(running):
            shown[n] += next(pieces, "")
    assert [stream.reply.token_ids for stream in streams] == ids_of(expected)
    assert shown == [reply.text for reply in expected]


def test_more_streams_than_places_wait_for_one(talker: Sample, bpe: Tokenizer) -> None:
    engine = Engine(talker.decoder("numpy", slots=1), bpe)
    expected = ask(engine, PROMPTS[:2], HOT)
    first, second = (engine.stream(asked(prompt), HOT) for prompt in PROMPTS[:2])
    begun = iter(first)
    shown = next(begun)
    assert "".join(second) == expected[1].text
    assert shown + "".join(begun) == expected[0].text


def test_replies_are_made_beside_an_open_stream(engine: Engine) -> None:
    expected = ask(engine, PROMPTS)
    whole = ask(engine, ["안녕"], HOT)[0]
    stream = engine.stream(asked("안녕"), HOT)
    pieces = iter(stream)
    shown = next(pieces)
    assert ids_of(ask(engine, PROMPTS)) == ids_of(expected)
    assert shown + "".join(pieces) == whole.text
