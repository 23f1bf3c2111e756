"""Where `transformers` has the same sampling option, it leaves the same tokens with the same logits."""

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.generation.choosing import choose_token, keep_min_p, keep_top_k, keep_top_p
from tests.generation.plain_sampling import drawn
from tinychat.generation.decoder import Floats
from tinychat.generation.sampling import SamplingOptions, banned_by_ngrams, penalise_repetition, suppress

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

EOS = 3
Ours = Callable[[Floats, list[int]], Floats]


@functools.cache
def processors() -> Any:
    """Their module, imported only where a test needs it: it takes two seconds."""
    return pytest.importorskip("transformers.generation.logits_process")


def logits_and_history(n: int = 200) -> list[tuple[Floats, list[int]]]:
    made = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        size = int(rng.choice([8, 60, 500, 5000]))
        logits = (rng.normal(size=size) * rng.choice([0.3, 2, 8])).astype(np.float32)
        made.append((logits, rng.integers(0, 3, int(rng.integers(10, 60))).tolist()))
    return made


def theirs(processor: Any, logits: Floats, so_far: list[int]) -> list[float]:
    """In double precision: where probabilities add up to p, the last digit of single precision decides."""
    return processor(torch.tensor([so_far]), torch.from_numpy(logits).double()[None])[0].tolist()


def same(name: str, *values: float) -> tuple[Any, Ours]:
    """Their processor, and our function, for the value of an option."""
    value = values[0]
    ours: dict[str, tuple[Any, Ours]] = {
        "temperature": (processors().TemperatureLogitsWarper, lambda logits, _: logits / np.float32(value)),
        "top_k": (processors().TopKLogitsWarper, lambda logits, _: keep_top_k(logits, int(value))),
        "top_p": (processors().TopPLogitsWarper, lambda logits, _: keep_top_p(logits, value)),
        "min_p": (processors().MinPLogitsWarper, lambda logits, _: keep_min_p(logits, value)),
        "repetition_penalty": (
            processors().RepetitionPenaltyLogitsProcessor,
            lambda logits, so_far: penalise_repetition(logits, so_far, value),
        ),
        "no_repeat_ngram": (
            processors().NoRepeatNGramLogitsProcessor,
            lambda logits, so_far: suppress(logits, banned_by_ngrams(so_far, int(value))),
        ),
    }
    make, function = ours[name]
    return make(value), function


OPTIONS = [
    *(("temperature", value) for value in (0.1, 0.7, 3.0)),
    *(("top_k", value) for value in (1, 2, 7)),
    *(("top_p", value) for value in (0.05, 0.5, 0.9, 0.99)),
    *(("min_p", value) for value in (0.001, 0.1, 0.9)),
    *(("repetition_penalty", value) for value in (0.8, 1.2, 4.0)),
    *(("no_repeat_ngram", value) for value in (1, 2, 3, 4)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), OPTIONS)
def test_an_option_leaves_what_theirs_leaves(name: str, value: float) -> None:
    processor, ours = same(name, value)
    changed = 0
    for logits, so_far in logits_and_history():
        expected = theirs(processor, logits, so_far)
        np.testing.assert_allclose(ours(logits, so_far), expected, rtol=1e-5)
        changed += expected != logits.tolist()
    assert changed > 100


@pytest.mark.slow
@pytest.mark.parametrize("minimum", [1, 4])
def test_min_tokens_forbid_eos_for_as_long_as_their_min_new_tokens(minimum: int) -> None:
    options = SamplingOptions(min_tokens=minimum)
    ended = 0
    for logits, so_far in logits_and_history():
        logits[EOS] = logits.max() + 1
        for n_new in range(min(len(so_far), 6)):
            processor = processors().MinNewTokensLengthLogitsProcessor(len(so_far) - n_new, minimum, EOS, device="cpu")
            expected = int(np.argmax(theirs(processor, logits, so_far)))
            assert choose_token(logits, so_far, n_new, EOS, options, np.random.default_rng(0)) == expected
            ended += expected == EOS
    assert ended > 100


@pytest.mark.slow
def test_all_options_together_choose_the_token_that_theirs_choose() -> None:
    """In the order in which `generate` has them."""
    options = SamplingOptions("sample", 0.8, 30, 0.9, 0.02, 1.3, no_repeat_ngram=3, min_tokens=4)
    seen = set()
    for seed, (logits, so_far) in enumerate(logits_and_history()):
        n_new = min(seed % 8, len(so_far))
        chain = processors().LogitsProcessorList(
            [
                processors().RepetitionPenaltyLogitsProcessor(1.3),
                processors().NoRepeatNGramLogitsProcessor(3),
                processors().MinNewTokensLengthLogitsProcessor(len(so_far) - n_new, 4, EOS, device="cpu"),
                processors().TemperatureLogitsWarper(0.8),
                processors().TopKLogitsWarper(30),
                processors().TopPLogitsWarper(0.9),
                processors().MinPLogitsWarper(0.02),
            ]
        )
        expected = drawn(theirs(chain, logits, so_far), np.random.default_rng(seed).random())
        assert choose_token(logits, so_far, n_new, EOS, options, np.random.default_rng(seed)) == expected
        seen.add(expected)
    assert len(seen) > 50
