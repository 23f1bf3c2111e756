"""What a reply is: how it ends, what it may hold, how sure the model was, and what it read."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from tests.generation.asking import GREEDY, PROMPTS, SAMPLED, ask, asked
from tests.generation.models import KINDS, Sample, biased, random_sample
from tinychat.errors import InputError
from tinychat.generation.engine import Engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.generation_config import GenerationConfig
from tinychat.tokenizer import Tokenizer

EOS = 3
ALWAYS, NEVER = 100.0, -100.0


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def engine(talker: Sample, bpe: Tokenizer, kind: str) -> Engine:
    return Engine(talker.decoder(kind, slots=8), bpe)


@pytest.fixture
def silent(talker: Sample, bpe: Tokenizer) -> Engine:
    """It says <eos> at once."""
    return Engine(biased(talker, {EOS: ALWAYS}).decoder("numpy"), bpe)


@pytest.fixture
def endless(talker: Sample, bpe: Tokenizer) -> Engine:
    """It never says <eos>."""
    return Engine(biased(talker, {EOS: NEVER}).decoder("numpy"), bpe)


REST_OF_A_CHARACTER = 3  # tokens: four bytes at most


@pytest.fixture(params=[GREEDY, SAMPLED], ids=["greedy", "sampled"])
def options(request: pytest.FixtureRequest) -> SamplingOptions:
    return request.param


def test_a_reply_ends_at_eos_which_is_none_of_its_tokens(silent: Engine, options: SamplingOptions) -> None:
    reply = ask(silent, ["안녕"], options)[0]
    assert (reply.token_ids, reply.text, reply.finish_reason) == ((), "", "stop")
    assert [choice.token_id for choice in reply.choices] == [EOS]
    assert reply.mean_logprob == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("n", [1, 2, 12])
def test_a_reply_has_max_tokens_at_most(endless: Engine, options: SamplingOptions, n: int) -> None:
    reply = ask(endless, ["안녕"], dataclasses.replace(options, max_tokens=n))[0]
    assert (len(reply.token_ids), len(reply.choices), reply.finish_reason) == (n, n, "length")


def test_a_reply_that_says_eos_right_behind_its_last_token_still_ends_by_length(talker: Sample, bpe: Tokenizer) -> None:
    engine = Engine(biased(talker, {EOS: NEVER}).decoder("numpy"), bpe)
    said = ask(engine, ["안녕"], dataclasses.replace(GREEDY, max_tokens=3))[0]
    assert said.finish_reason == "length"
    assert EOS not in [choice.token_id for choice in said.choices]


def test_a_dialogue_has_max_len_tokens_at_most(endless: Engine, talker: Sample, options: SamplingOptions) -> None:
    for reply in ask(endless, PROMPTS, dataclasses.replace(options, max_tokens=1000)):
        assert len(reply.prompt_ids) + len(reply.token_ids) == talker.config.max_len
        assert reply.finish_reason == "length"


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_reply_does_not_end_before_min_tokens(silent: Engine, options: SamplingOptions, n: int) -> None:
    reply = ask(silent, ["안녕"], dataclasses.replace(options, min_tokens=n))[0]
    assert reply.finish_reason == "stop"
    assert n <= len(reply.token_ids) <= n + REST_OF_A_CHARACTER


def test_min_tokens_count_the_reply_not_the_dialogue(silent: Engine) -> None:
    reply = silent.reply([asked("안녕", "고마워", "잘 자요")], dataclasses.replace(GREEDY, min_tokens=2))[0]
    assert 2 <= len(reply.token_ids) <= 2 + REST_OF_A_CHARACTER


def test_control_tokens_are_suppressed_token_ids(
    talker: Sample, bpe: Tokenizer, kind: str, options: SamplingOptions
) -> None:
    sample = biased(talker, {0: ALWAYS, 1: ALWAYS, 2: ALWAYS})
    for reply in ask(Engine(sample.decoder(kind, slots=8), bpe), PROMPTS, options):
        assert not {0, 1, 2} & set(reply.token_ids)
        assert reply.token_ids


@pytest.mark.parametrize("name", ["greedy", "sampled"])
def test_unknown_words_and_places_beyond_the_vocabulary_are_suppressed_token_ids(
    words: Tokenizer, kind: str, name: str
) -> None:
    config = ClassicConfig(words.size + 50, embed_dim=16, n_layers=1, n_heads=2, ffn_dim=16, max_len=24)
    places = [words.unk_id, *range(words.size, config.vocab_size)]
    sample = biased(random_sample(config, 0), dict.fromkeys(places, ALWAYS))
    options = {"greedy": GREEDY, "sampled": SAMPLED}[name]
    reply = ask(Engine(sample.decoder(kind), words), ["안녕"], options)[0]
    assert reply.token_ids
    assert all(words.unk_id < token < words.size for token in reply.token_ids)


def test_a_reply_ends_where_a_stop_text_begins(endless: Engine) -> None:
    whole = ask(endless, ["안녕"])[0]
    stop = re.findall(r"[^\ufffd]{2}", whole.text[2:])[0]
    reply = ask(endless, ["안녕"], dataclasses.replace(GREEDY, stop=("밥", stop)))[0]
    assert (reply.text, reply.finish_reason) == (whole.text[: whole.text.index(stop)], "stop")
    assert reply.token_ids == whole.token_ids[: len(reply.token_ids)]
    assert stop in endless.tokenizer.decode(reply.token_ids)
    assert stop not in endless.tokenizer.decode(reply.token_ids[:-1])


def test_a_stop_text_in_the_last_token_that_may_come_counts_as_stop(endless: Engine) -> None:
    whole = ask(endless, ["안녕"])[0]
    options = dataclasses.replace(GREEDY, stop=(re.findall(r"[^\ufffd]", whole.text)[-1],))
    first = ask(endless, ["안녕"], options)[0]
    last = dataclasses.replace(options, max_tokens=len(first.token_ids))
    assert ask(endless, ["안녕"], last)[0] == first
    assert first.finish_reason == "stop"


def test_a_stop_text_in_the_question_stops_nothing(endless: Engine) -> None:
    assert ask(endless, ["안녕"], dataclasses.replace(GREEDY, stop=("안녕",)))[0].finish_reason == "length"


def test_a_cut_character_at_the_limit_is_not_shown(talker: Sample, bpe: Tokenizer, kind: str) -> None:
    part = bpe.encode("뷁")[0]
    engine = Engine(biased(talker, {part: ALWAYS}).decoder(kind), bpe)
    reply = ask(engine, ["안녕"], dataclasses.replace(GREEDY, max_tokens=1))[0]
    assert (reply.token_ids, reply.text, reply.finish_reason) == ((part,), "", "length")


def own_logprobs(sample: Sample, ids: list[int], begin: int) -> np.ndarray:
    """Log-probabilities of every token, at each place from `begin` on, as the model itself has them."""
    with torch.no_grad():
        return sample.model(torch.tensor([ids]))[0, begin - 1 :].double().log_softmax(-1).numpy()


def test_the_logprobs_are_the_models_own_whatever_the_sampling_options(engine: Engine, talker: Sample) -> None:
    options = dict(temperature=3.0, top_k=50, top_p=0.9, min_p=0.001, repetition_penalty=1.5, no_repeat_ngram=2)
    for reply in ask(engine, PROMPTS, dataclasses.replace(SAMPLED, **options, min_tokens=2)):
        own = own_logprobs(talker, [*reply.prompt_ids, *reply.token_ids], len(reply.prompt_ids))
        expected = [own[n, choice.token_id] for n, choice in enumerate(reply.choices)]
        assert len(expected) == len(reply.token_ids) + (reply.finish_reason == "stop")
        assert reply.logprobs == pytest.approx(expected, abs=1e-4)
        assert reply.mean_logprob == pytest.approx(sum(expected) / len(expected), abs=1e-4)


def test_alternatives_are_the_likeliest_tokens_the_likeliest_first(engine: Engine, talker: Sample) -> None:
    reply = ask(engine, ["안녕"], dataclasses.replace(SAMPLED, alternatives=4))[0]
    own = own_logprobs(talker, [*reply.prompt_ids, *reply.token_ids], len(reply.prompt_ids))
    for choice, logprobs in zip(reply.choices, own, strict=False):
        likeliest = np.argsort(-logprobs)[:4]
        assert [token for token, _ in choice.alternatives] == likeliest.tolist()
        assert [value for _, value in choice.alternatives] == pytest.approx(logprobs[likeliest].tolist(), abs=1e-4)


def test_a_likely_choice_is_among_its_alternatives_with_the_same_logprob(engine: Engine) -> None:
    for choice in ask(engine, ["고마워"], dataclasses.replace(GREEDY, alternatives=5))[0].choices:
        assert (choice.token_id, choice.logprob) in choice.alternatives


def test_eos_has_its_choice_with_alternatives_too(silent: Engine) -> None:
    choice = ask(silent, ["안녕"], dataclasses.replace(GREEDY, alternatives=2))[0].choices[0]
    assert choice.alternatives[0] == (EOS, choice.logprob)


def test_more_alternatives_than_tokens_are_all_of_them(engine: Engine, talker: Sample) -> None:
    reply = ask(engine, ["안녕"], dataclasses.replace(GREEDY, alternatives=10_000, max_tokens=1))[0]
    logprobs = [value for _, value in reply.choices[0].alternatives]
    assert len(logprobs) == talker.config.vocab_size
    assert sum(np.exp(logprobs)) == pytest.approx(1, abs=1e-5)
    assert logprobs == sorted(logprobs, reverse=True)


def test_alternatives_are_recorded_only_where_they_were_asked_for(engine: Engine) -> None:
    assert all(choice.alternatives == () for choice in ask(engine, ["안녕"])[0].choices)


def test_it_reads_the_dialogue_in_the_chat_template(engine: Engine, bpe: Tokenizer) -> None:
    reply = engine.reply([asked("안녕", "반가워요", "고마워")], GREEDY)[0]
    turns = [1, *bpe.encode("안녕"), 2, *bpe.encode("반가워요"), EOS, 1, *bpe.encode("고마워"), 2]
    assert reply.prompt_ids == tuple(turns)


@pytest.mark.parametrize("n_turns", [7, 9, 21])
def test_of_a_long_history_the_oldest_turns_leave_whole(engine: Engine, bpe: Tokenizer, n_turns: int) -> None:
    texts = [f"{PROMPTS[n % 2]} {n}" for n in range(n_turns)]
    reply = engine.reply([asked(*texts)], dataclasses.replace(GREEDY, max_tokens=10))[0]
    prompts = [
        engine.tokenizer.encode_prompt(asked(*texts[n:]), max_len=10_000, reply_tokens=10) for n in range(0, n_turns, 2)
    ]
    kept = next(prompt for prompt in prompts if len(prompt) + 10 <= engine.decoder.max_len)
    assert reply.prompt_ids == tuple(kept)
    assert len(kept) < len(prompts[0])
    assert reply.token_ids == engine.reply([asked(*texts[-kept.count(1) * 2 + 1 :])], GREEDY)[0].token_ids[:10]


def test_a_prompt_leaves_the_room_that_the_model_needs(talker: Sample, bpe: Tokenizer, kind: str) -> None:
    texts = [f"{PROMPTS[n % 2]} {n}" for n in range(21)]
    engine = Engine(talker.decoder(kind, 2), bpe, generation=GenerationConfig(4))
    lengths = []
    for least, most, wanted in ((0, 24, 4), (0, 2, 2), (20, 24, 20)):
        options = dataclasses.replace(GREEDY, min_tokens=least, max_tokens=most)
        reply = engine.reply([asked(*texts)], options)[0]
        expected = bpe.encode_prompt(asked(*texts), max_len=engine.decoder.max_len, reply_tokens=wanted)
        assert reply.prompt_ids == tuple(expected)
        lengths.append(len(expected))
    assert lengths[0] > lengths[2]


def test_a_model_of_single_exchanges_reads_the_last_message_alone(talker: Sample, bpe: Tokenizer) -> None:
    engine = Engine(talker.decoder("torch", 1), bpe, generation=GenerationConfig(24, single_exchange=True))
    alone, after = engine.reply([asked(PROMPTS[1]), asked("안녕", "네", PROMPTS[1])], GREEDY)
    assert (after.prompt_ids, after.text) == (alone.prompt_ids, alone.text)


def test_a_short_dialogue_may_get_a_reply_longer_than_that_room(talker: Sample, bpe: Tokenizer) -> None:
    asking = [asked("안녕")], dataclasses.replace(GREEDY, min_tokens=12, max_tokens=12)
    for generation in (GenerationConfig(4), None):
        engine = Engine(talker.decoder("torch", 1), bpe, generation=generation)
        assert len(engine.reply(*asking)[0].token_ids) == 12


def longest_question(engine: Engine) -> str:
    """A question of max_len - 3 tokens: with <user>, <bot> and one token of answer it fills max_len."""
    return "1" * (engine.decoder.max_len - 4)  # and the space before them


def test_the_longest_question_gets_one_token_of_answer(engine: Engine, bpe: Tokenizer) -> None:
    question = longest_question(engine)
    assert len(bpe.encode(question)) == engine.decoder.max_len - 3
    reply = engine.reply([asked("안녕", "고마워", question)], dataclasses.replace(GREEDY, min_tokens=1))[0]
    assert (len(reply.prompt_ids), len(reply.token_ids)) == (engine.decoder.max_len - 1, 1)
    assert engine.fits(asked(question), GREEDY)


def test_too_long_a_question_is_refused_with_how_long_it_may_be(engine: Engine) -> None:
    question = longest_question(engine) + "1"
    with pytest.raises(InputError, match=r"is 46 tokens long; this model takes at most 45 \(max_len 48"):
        engine.reply([asked("안녕"), asked(question)], GREEDY)
    assert not engine.fits(asked(question), GREEDY)
    assert engine.free_slots == 8
    assert ask(engine, ["안녕"])[0].token_ids


def test_decomposed_hangul_is_read_like_composed(engine: Engine) -> None:
    composed, decomposed = ask(engine, ["안녕", "\u110b\u1161\u11ab\u1102\u1167\u11bc"])
    assert composed.prompt_ids == decomposed.prompt_ids
