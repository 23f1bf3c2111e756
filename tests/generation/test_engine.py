"""The engine says what the model says that reads each dialogue alone and from its beginning, however many there are."""

import codecs
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.generation.asking import GREEDY, PROMPTS, SAMPLED, ask, asked, ids_of, run
from tests.generation.models import KINDS, PlainDecoder, Sample
from tinychat.generation.decoder import Floats
from tinychat.generation.engine import Engine
from tinychat.generation.request import Reply
from tinychat.generation.sampling import SamplingOptions
from tinychat.tokenizer import Tokenizer, load_tokenizer

OPTIONS = {
    "greedy": GREEDY,
    "sampled": SAMPLED,
    "hot": SamplingOptions("sample", temperature=5.0, seed=3, max_tokens=20),
    "all options": SamplingOptions(
        "sample", 0.9, 40, 0.95, 0.01, repetition_penalty=1.2, no_repeat_ngram=3, seed=1, min_tokens=3, max_tokens=20
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=OPTIONS)
def options(request: pytest.FixtureRequest) -> SamplingOptions:
    return OPTIONS[request.param]


@pytest.fixture
def engine(talker: Sample, bpe: Tokenizer, kind: str) -> Engine:
    return Engine(talker.decoder(kind, slots=8), bpe)


@pytest.fixture(scope="session")
def questions(repo: Path) -> list[str]:
    """Two dozen real questions where the corpus is at hand, else a few."""
    path = repo / "data/corpus/train.jsonl"
    if not path.exists():
        return PROMPTS
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["messages"][0]["content"] for line in lines[:: max(1, len(lines) // 24)]][:24]


def check_same(replies: list[Reply], expected: list[Reply]) -> None:
    assert [reply.text for reply in replies] == [reply.text for reply in expected]
    assert ids_of(replies) == ids_of(expected)
    assert [reply.finish_reason for reply in replies] == [reply.finish_reason for reply in expected]
    for reply, other in zip(replies, expected, strict=True):
        assert reply.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_with_the_cache_it_says_what_it_says_without(
    engine: Engine, talker: Sample, bpe: Tokenizer, options: SamplingOptions
) -> None:
    check_same(ask(engine, PROMPTS, options), ask(Engine(talker.decoder("plain"), bpe), PROMPTS, options))


# Of a trained model's 8,000 tokens most have a probability below the rounding errors of a sum: a draw that falls among
# them may give either of two neighbours.
@pytest.mark.parametrize(
    "options", [GREEDY, SamplingOptions("sample", top_k=50, seed=7, max_tokens=12)], ids=["greedy", "sampled"]
)
@pytest.mark.slow
def test_so_does_the_trained_model(
    trained: Sample, trained_folder: Path, questions: list[str], kind: str, options: SamplingOptions
) -> None:
    tokenizer = load_tokenizer(trained_folder)
    replies = ask(Engine(trained.decoder(kind, slots=16), tokenizer), questions, options)
    check_same(replies, ask(Engine(trained.decoder("plain", slots=1), tokenizer), questions, options))


def test_a_reply_in_a_batch_is_the_reply_alone(engine: Engine, options: SamplingOptions) -> None:
    together = ask(engine, PROMPTS, options)
    assert len(set(ids_of(together))) == len(PROMPTS)
    check_same(together, [ask(engine, [prompt], options)[0] for prompt in PROMPTS])


def test_greedy_takes_the_likeliest_token_each_time_that_breaks_no_character(
    engine: Engine, talker: Sample, bpe: Tokenizer
) -> None:
    reply = ask(engine, ["안녕"])[0]
    said: list[int] = []
    for token in reply.token_ids:
        with torch.no_grad():
            logits = talker.model(torch.tensor([[*reply.prompt_ids, *said]]))[0, -1]
        logits[:3] = -torch.inf
        by_likelihood = logits.argsort(descending=True).tolist()
        assert token == next(i for i in by_likelihood if is_well_said([*said, i], bpe))
        said.append(token)


def is_well_said(ids: list[int], bpe: Tokenizer) -> bool:
    """Whether nothing is broken: at most the last character is not whole, and where the reply ends not even that."""
    tokens = bpe.bytes_of(bpe.size)
    assert tokens is not None
    said = b"".join(tokens[i] for i in ids)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(said, final=ids[-1] == bpe.eos_id)
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("slots", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 7, 64))])
def test_more_dialogues_than_slots_keep_their_order(talker: Sample, bpe: Tokenizer, kind: str, slots: int) -> None:
    prompts = [f"{prompt} {n}" for n in range(6) for prompt in PROMPTS]
    alone = Engine(talker.decoder(kind, slots=1), bpe)
    expected = [ask(alone, [prompt])[0] for prompt in prompts]
    check_same(ask(Engine(talker.decoder(kind, slots), bpe), prompts), expected)


class Counting(PlainDecoder):
    """It records its calls, and of how many sequences each was."""

    def __init__(self, sample: Sample, slots: int) -> None:
        super().__init__(sample.model, slots)
        self.calls: list[tuple[str, int]] = []

    def prefill(self, prompts: Sequence[Sequence[int]], slots: Sequence[int]) -> Floats:
        self.calls.append(("prefill", len(prompts)))
        return super().prefill(prompts, slots)

    def step(self, ids: Sequence[int], slots: Sequence[int]) -> Floats:
        self.calls.append(("step", len(ids)))
        return super().step(ids, slots)


def test_those_that_have_a_slot_are_read_together_and_go_on_together(talker: Sample, bpe: Tokenizer) -> None:
    decoder = Counting(talker, slots=4)
    ask(Engine(decoder, bpe), PROMPTS, dataclasses.replace(GREEDY, min_tokens=3, max_tokens=3))
    assert decoder.calls == [("prefill", 4), ("step", 4), ("step", 4), ("prefill", 1), ("step", 1), ("step", 1)]


def test_no_dialogues_get_no_replies(engine: Engine) -> None:
    assert engine.reply([], GREEDY) == []


def test_a_seed_decides_a_sampled_reply(engine: Engine) -> None:
    one, two = (ask(engine, PROMPTS, SAMPLED) for _ in range(2))
    other = ask(engine, PROMPTS, dataclasses.replace(SAMPLED, seed=8))
    check_same(one, two)
    assert all(reply.token_ids != another.token_ids for reply, another in zip(one, other, strict=True))


def test_the_same_question_gets_the_same_sampled_reply_wherever_it_stands(engine: Engine) -> None:
    replies = ask(engine, ["안녕", "고마워", "안녕", "안녕"], SAMPLED)
    assert replies[0].token_ids == replies[2].token_ids == replies[3].token_ids != replies[1].token_ids


@pytest.mark.parametrize("neighbours", range(3))
def test_a_sampled_reply_depends_on_its_own_seed_alone(engine: Engine, neighbours: int) -> None:
    """Neighbours with other seeds and sampling options, which enter before it, with it and after it, and leave."""
    alone = ask(engine, ["안녕"], SAMPLED)[0]
    others = [
        engine.request(
            asked(prompt), dataclasses.replace(OPTIONS["hot"], seed=10 * neighbours + n, max_tokens=5 + 4 * n)
        )
        for n, prompt in enumerate(PROMPTS)
    ]
    engine.admit(others[:2])
    engine.step()
    request = engine.request(asked("안녕"), SAMPLED)
    engine.admit([others[2], request, others[3]])
    engine.step()
    engine.cancel(others[1])
    engine.admit([others[4]])
    assert run(engine, [request])[0].token_ids == alone.token_ids


@pytest.mark.slow
def test_requests_enter_and_leave_a_running_batch(engine: Engine, options: SamplingOptions) -> None:
    expected = ask(engine, PROMPTS, options)
    requests = [engine.request(asked(prompt), options) for prompt in PROMPTS]
    for request in requests:
        engine.admit([request])
        engine.step()
    engine.cancel(requests[0])
    check_same(run(engine, requests[1:]), expected[1:])
    cancelled = requests[0].reply()
    assert cancelled.finish_reason == "cancelled"
    assert cancelled.token_ids == expected[0].token_ids[: len(cancelled.token_ids)]
    assert engine.free_slots == 8


def test_a_request_that_leaves_before_it_enters_stays_out(engine: Engine) -> None:
    early, other = (engine.request(asked(prompt), GREEDY) for prompt in PROMPTS[:2])
    engine.cancel(early)
    engine.admit([early, other])
    assert engine.free_slots == 7
    assert (early.reply().token_ids, early.reply().finish_reason, early.reply().text) == ((), "cancelled", "")
    assert early.reply().mean_logprob == 0
    assert run(engine, [other])[0].token_ids == ask(engine, [PROMPTS[1]])[0].token_ids


def test_leaving_after_the_end_changes_nothing(engine: Engine) -> None:
    request = engine.request(asked("안녕"), GREEDY)
    engine.admit([request])
    reply = run(engine, [request])[0]
    engine.cancel(request)
    assert request.reply() == reply


def test_more_requests_than_slots_are_refused_and_those_that_run_go_on(engine: Engine) -> None:
    requests = [engine.request(asked(prompt), GREEDY) for prompt in PROMPTS]
    engine.admit(requests)
    with pytest.raises(ValueError, match="4 requests; 3 may be admitted now"):
        engine.admit([engine.request(asked("안녕"), GREEDY) for _ in range(4)])
    check_same(run(engine, requests), ask(engine, PROMPTS))


def test_a_reply_that_has_not_ended_is_none(engine: Engine) -> None:
    request = engine.request(asked("안녕"), GREEDY)
    engine.admit([request])
    with pytest.raises(ValueError, match="has not ended"):
        request.reply()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["greedy", "all options"])
def test_the_default_device_of_the_process_does_not_matter(
    talker: Sample, bpe: Tokenizer, kind: str, name: str
) -> None:
    expected = ask(Engine(talker.decoder(kind), bpe), PROMPTS, OPTIONS[name])
    torch.set_default_device("meta")
    try:
        check_same(ask(Engine(talker.decoder(kind), bpe), PROMPTS, OPTIONS[name]), expected)
    finally:
        torch.set_default_device(None)
