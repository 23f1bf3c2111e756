"""A sequence's logits, and so its reply, are the same to the last bit whatever is computed beside it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.generation.asking import PROMPTS, ask, asked, ids_of
from tests.generation.models import ARTICLE, KINDS, SMALL, Sample, random_sample
from tinychat.generation.decoder import Decoder, Floats
from tinychat.generation.engine import Engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.model.classic_config import ClassicConfig
from tinychat.tokenizer import Tokenizer

ODD = ClassicConfig(vocab_size=77, embed_dim=24, n_layers=3, n_heads=3, ffn_dim=40, max_len=17)
WIDE = ClassicConfig(vocab_size=900, embed_dim=160, n_layers=2, n_heads=5, ffn_dim=650, max_len=150)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def logits_of(decoder: Decoder, prompts: list[list[int]], said: list[list[int]]) -> Iterator[Floats]:
    """After the prompts and after each of the tokens that follow; then the decoder is empty again."""
    slots = range(len(prompts))
    yield decoder.prefill(prompts, slots)
    for step in zip(*said, strict=True):
        yield decoder.step(step, slots)
    decoder.free(slots)


@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        (SMALL, (2, 3, 8, 33)),
        (ODD, (2, 7, 17)),
        (WIDE, (2, 5, 9)),
        pytest.param(ARTICLE, (2, 9), marks=pytest.mark.slow),
    ],
    ids=["small", "odd", "wide", "article"],
)
def test_logits_in_a_batch_are_those_alone(config: ClassicConfig, sizes: tuple[int, ...], kind: str) -> None:
    """Prompts of one token to nearly all that fit, which go on beside each other."""
    sample, rng = random_sample(config, seed=1), np.random.default_rng(0)
    together, alone = sample.decoder(kind, max(sizes)), sample.decoder(kind, 1)
    for size in sizes:
        lengths = rng.integers(1, config.max_len - 3, size)
        prompts = [rng.integers(0, config.vocab_size, length).tolist() for length in lengths]
        said = rng.integers(0, config.vocab_size, (size, 3)).tolist()
        found = np.stack(list(logits_of(together, prompts, said)))
        for row in range(size):
            own = np.stack(list(logits_of(alone, prompts[row : row + 1], said[row : row + 1])))
            assert np.array_equal(found[:, row], own[:, 0])


OPTIONS = {
    "1.5": SamplingOptions("sample", 1.5, seed=1, max_tokens=12),
    "100": SamplingOptions("sample", 100.0, 50, 0.95, seed=3, max_tokens=12),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.slow
def test_hundreds_of_replies_in_lists_and_among_threads_are_those_alone(
    talker: Sample, bpe: Tokenizer, kind: str, name: str
) -> None:
    prompts = [f"{prompt} {n}"[n % 7 :] for n in range(20) for prompt in PROMPTS]  # 100
    options = OPTIONS[name]
    one, many = Engine(talker.decoder(kind, slots=1), bpe), Engine(talker.decoder(kind, slots=32), bpe)
    alone = ask(one, prompts, options)
    listed = ask(many, prompts, options)
    with ThreadPoolExecutor(8) as threads:
        threaded = list(threads.map(lambda prompt: many.reply([asked(prompt)], options)[0], prompts))
    assert ids_of(listed) == ids_of(alone) == ids_of(threaded)
    assert [reply.logprobs for reply in listed] == [reply.logprobs for reply in alone]
