"""Ctrl-C and errors in the middle: whatever breaks off, the engine answers the next question as if nothing had been."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest

from tests.generation.asking import GREEDY, PROMPTS, SAMPLED, ask, asked, ids_of
from tests.generation.models import KINDS, Sample
from tinychat.generation import engine as engine_module
from tinychat.generation.decoder import Decoder, Floats
from tinychat.generation.engine import Engine
from tinychat.tokenizer import Tokenizer

PACKAGE = Path(engine_module.__file__).parent
TraceFunction = Callable[[FrameType, str, Any], Any]


class Breaking:
    """A decoder in which Ctrl-C comes, or an error: in the call after `calls` more, before or after its work."""

    def __init__(self, decoder: Decoder, when: str, error: type[BaseException]) -> None:
        self.decoder, self.when, self.error = decoder, when, error
        self.vocab_size, self.max_len, self.slots = decoder.vocab_size, decoder.max_len, decoder.slots
        self.calls: int | None = None

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        self._break("before")
        logits = self.decoder.prefill(prompts, slots)
        self._break("after")
        return logits

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        self._break("before")
        logits = self.decoder.step(ids, slots)
        self._break("after")
        return logits

    def free(self, slots: Sequence[int]) -> None:
        self.decoder.free(slots)

    def _break(self, when: str) -> None:
        if when == self.when and self.calls is not None:
            self.calls -= 1
            if self.calls < 0:
                self.calls = None
                if self.error is KeyboardInterrupt:
                    signal.raise_signal(signal.SIGINT)
                raise self.error("in the middle")


@pytest.fixture(autouse=True)
def ctrl_c_interrupts() -> Iterator[None]:
    """Tests that run in the background would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["before", "after"])
def decoder(talker: Sample, kind: str, request: pytest.FixtureRequest) -> Breaking:
    return Breaking(talker.decoder(kind, slots=3), request.param, KeyboardInterrupt)


@pytest.mark.slow
@pytest.mark.parametrize("calls", range(5))
def test_ctrl_c_in_a_reply_leaves_the_engine_as_it_was(decoder: Breaking, bpe: Tokenizer, calls: int) -> None:
    """0: while it reads the prompts; then while it says the first, second, … token."""
    engine = Engine(decoder, bpe)
    expected = ids_of(ask(engine, PROMPTS))
    decoder.calls = calls
    with pytest.raises(KeyboardInterrupt):
        ask(engine, PROMPTS)
    assert engine.free_slots == 3
    assert ids_of(ask(engine, PROMPTS)) == expected


@pytest.mark.parametrize("error", [MemoryError, RuntimeError, ValueError])
def test_so_does_an_error(talker: Sample, bpe: Tokenizer, error: type[BaseException]) -> None:
    decoder = Breaking(talker.decoder("numpy", slots=3), "after", error)
    engine = Engine(decoder, bpe)
    expected = ids_of(ask(engine, PROMPTS))
    decoder.calls = 2
    with pytest.raises(error, match="in the middle"):
        ask(engine, PROMPTS)
    assert engine.free_slots == 3
    assert ids_of(ask(engine, PROMPTS)) == expected


@pytest.mark.parametrize("calls", range(3))
def test_a_stream_that_ctrl_c_ends_says_what_it_said_so_far(decoder: Breaking, bpe: Tokenizer, calls: int) -> None:
    engine = Engine(decoder, bpe)
    whole = ask(engine, ["안녕"])[0]
    decoder.calls = calls
    stream = engine.stream(asked("안녕"), GREEDY)
    with pytest.raises(KeyboardInterrupt):
        list(stream)
    assert stream.reply.finish_reason == "cancelled"
    assert stream.reply.token_ids == whole.token_ids[:calls]
    assert ids_of(ask(engine, ["안녕"])) == [whole.token_ids]


def test_replies_beside_it_end_rather_than_go_on_wrongly(decoder: Breaking, bpe: Tokenizer) -> None:
    """The decoder has gone on by a token that no reply has: nobody knows any more what it holds."""
    engine = Engine(decoder, bpe)
    whole = ask(engine, ["고마워"])[0]
    beside = engine.request(asked("고마워"), GREEDY)
    engine.admit([beside])
    engine.step()
    decoder.calls = 1
    with pytest.raises(KeyboardInterrupt):
        ask(engine, ["안녕"])
    assert beside.reply().finish_reason == "cancelled"
    assert beside.reply().token_ids == whole.token_ids[: beside.n_new]
    assert engine.free_slots == 3


def test_requests_of_ones_own_end_too(decoder: Breaking, bpe: Tokenizer) -> None:
    engine = Engine(decoder, bpe)
    requests = [engine.request(asked(prompt), GREEDY) for prompt in PROMPTS[:3]]
    engine.admit(requests)
    decoder.calls = 0
    with pytest.raises(KeyboardInterrupt):
        engine.step()
    assert [request.reply().finish_reason for request in requests] == ["cancelled"] * 3
    assert engine.free_slots == 3


class InterruptedAt:
    """A block in which Ctrl-C comes before so many bytecodes of the package have run; `ran` counts them."""

    def __init__(self, bytecode: int | None = None) -> None:
        self.bytecode, self.ran = bytecode, 0

    def __enter__(self) -> Self:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        if not frame.f_code.co_filename.startswith(f"{PACKAGE}{os.sep}"):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return self._count

    def _count(self, frame: FrameType, event: str, argument: object) -> TraceFunction:
        if event == "opcode":
            if self.ran == self.bytecode:
                signal.raise_signal(signal.SIGINT)
            self.ran += 1
        return self._count


@pytest.mark.slow
def test_ctrl_c_at_any_moment_at_all(talker: Sample, bpe: Tokenizer, kind: str) -> None:
    """Real signals at two hundred moments, spread over all that replies take: Python hears them between bytecodes."""
    engine = Engine(talker.decoder(kind, slots=3), bpe)
    expected = ids_of(ask(engine, PROMPTS, SAMPLED))
    with InterruptedAt() as whole:
        ask(engine, PROMPTS, SAMPLED)
    for n in range(200):
        with pytest.raises(KeyboardInterrupt), InterruptedAt(whole.ran * n // 200):
            ask(engine, PROMPTS, SAMPLED)
        assert engine.free_slots == 3
        if n % 10 == 0:
            assert ids_of(ask(engine, PROMPTS, SAMPLED)) == expected
    assert ids_of(ask(engine, PROMPTS, SAMPLED)) == expected
