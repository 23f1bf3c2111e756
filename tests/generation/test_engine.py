import dataclasses
import math

import pytest
import torch

from tinychat.errors import InputError
from tinychat.generation.engine import Engine, Reply
from tinychat.generation.sampling import SamplingOptions
from tinychat.model import DialogueModel
from tinychat.tokenizer import Tokenizer

GREEDY = SamplingOptions("greedy", temperature=1, top_k=0, top_p=1, repetition_penalty=1, seed=0, max_tokens=12)
SAMPLED = dataclasses.replace(GREEDY, method="sample", seed=7)
PROMPTS = ["안녕", "What is your name?", "뭐 먹을래? 나는", "고마워", "잘 자요. 내일 또 만나요"]


@pytest.fixture
def engine(model: DialogueModel, bpe: Tokenizer) -> Engine:
    return Engine(model, bpe)


def ask(engine: Engine, prompts: list[str], options: SamplingOptions) -> list[Reply]:
    return engine.reply([[{"role": "user", "content": prompt}] for prompt in prompts], options)


@pytest.mark.parametrize("options", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_a_reply_in_a_batch_is_the_reply_alone(engine: Engine, options: SamplingOptions) -> None:
    together = ask(engine, PROMPTS, options)
    alone = [ask(engine, [prompt], options)[0] for prompt in PROMPTS]
    assert [reply.token_ids for reply in together] == [reply.token_ids for reply in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.mean_logprob == pytest.approx(other.mean_logprob, abs=1e-4)


def test_more_prompts_than_fit_one_batch_keep_their_order(engine: Engine) -> None:
    prompts = PROMPTS * 30
    assert [r.text for r in ask(engine, prompts, GREEDY)] == [r.text for r in ask(engine, PROMPTS, GREEDY)] * 30


@torch.inference_mode()
def test_greedy_takes_the_likeliest_token_each_time(engine: Engine) -> None:
    reply = ask(engine, ["안녕"], GREEDY)[0]
    ids = list(reply.prompt_ids)
    for token in reply.token_ids:
        logits = engine.model(torch.tensor([ids]))[0, -1]
        logits[:3] = -torch.inf
        assert token == int(logits.argmax())
        ids.append(token)


def test_a_reply_ends_with_eos_or_with_its_length(engine: Engine, model: DialogueModel) -> None:
    """The article's loop goes on for a fixed number of tokens, past `<eos>`."""
    with torch.no_grad():
        model.output_layer.bias[3] = 100.0
    reply = ask(engine, ["안녕"], GREEDY)[0]
    assert (reply.token_ids, reply.text, reply.finish_reason) == ((), "", "stop")
    assert reply.mean_logprob == pytest.approx(0, abs=1e-3)
    with torch.no_grad():
        model.output_layer.bias[3] = -100.0
    reply = ask(engine, ["안녕"], GREEDY)[0]
    assert (len(reply.token_ids), reply.finish_reason) == (12, "length")
    longest = ask(engine, ["안녕"], dataclasses.replace(GREEDY, max_tokens=1000))[0]
    assert len(longest.prompt_ids) + len(longest.token_ids) == model.max_len
    assert longest.finish_reason == "length"


@pytest.mark.parametrize("options", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_control_tokens_are_never_said(engine: Engine, model: DialogueModel, options: SamplingOptions) -> None:
    with torch.no_grad():
        model.output_layer.bias[:3] = 50.0
    for reply in ask(engine, PROMPTS, options):
        assert not {0, 1, 2} & set(reply.token_ids)


def test_places_beyond_the_vocabulary_and_unknown_words_are_never_said(words: Tokenizer) -> None:
    model = DialogueModel(vocab_size=words.size + 50, embed_dim=16, n_layers=1, n_heads=2, ffn_dim=16, max_len=24)
    with torch.no_grad():
        model.output_layer.bias[words.size :] = 50.0
        model.output_layer.bias[words.unk_id] = 50.0
    reply = ask(Engine(model, words), ["안녕"], GREEDY)[0]
    assert all(5 <= i < words.size for i in reply.token_ids)


def test_a_seed_decides_a_sampled_reply(engine: Engine) -> None:
    one, two = (ask(engine, PROMPTS, SAMPLED) for _ in range(2))
    other = ask(engine, PROMPTS, dataclasses.replace(SAMPLED, seed=8))
    assert one == two
    assert [r.token_ids for r in one] != [r.token_ids for r in other]


def test_decomposed_hangul_is_read_like_composed(engine: Engine) -> None:
    composed, decomposed = ask(engine, ["안녕", "\u110b\u1161\u11ab\u1102\u1167\u11bc"], GREEDY)
    assert composed.prompt_ids == decomposed.prompt_ids


def test_a_cut_character_at_the_limit_is_not_shown(bpe: Tokenizer, engine: Engine, model: DialogueModel) -> None:
    part = bpe.encode("뷁")[0]
    with torch.no_grad():
        model.output_layer.bias[part] = 100.0
    reply = ask(engine, ["안녕"], dataclasses.replace(GREEDY, max_tokens=1))[0]
    assert reply.token_ids == (part,)
    assert "\ufffd" not in reply.text


def test_too_long_a_question_is_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match="this model takes at most 45"):
        ask(engine, ["a1" * 40], GREEDY)


def test_the_mean_logprob_is_the_models_own(engine: Engine) -> None:
    reply = ask(engine, ["안녕"], dataclasses.replace(SAMPLED, temperature=3.0, top_k=5))[0]
    ids = torch.tensor([[*reply.prompt_ids, *reply.token_ids]])
    with torch.inference_mode():
        logprobs = engine.model(ids)[0].log_softmax(-1)
    start = len(reply.prompt_ids) - 1
    own = [float(logprobs[start + n, token]) for n, token in enumerate(reply.token_ids)]
    if reply.finish_reason == "stop":
        own.append(float(logprobs[-1, 3]))
    assert reply.mean_logprob == pytest.approx(math.fsum(own) / len(own), abs=1e-4)


@pytest.mark.parametrize("options", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_the_default_device_of_the_process_does_not_matter(engine: Engine, options: SamplingOptions) -> None:
    options = dataclasses.replace(options, repetition_penalty=1.3, top_k=20, top_p=0.9)
    expected = ask(engine, PROMPTS, options)
    torch.set_default_device("meta")
    try:
        assert ask(Engine(engine.model, engine.tokenizer), PROMPTS, options) == expected
    finally:
        torch.set_default_device(None)
