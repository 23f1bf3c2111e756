import dataclasses
import math

import pytest
import torch

from tinychat.generation.sampling import (
    SamplingOptions,
    choose_token,
    keep_top_k,
    keep_top_p,
    penalise_repetition,
)

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, -5.0])
NONE = torch.tensor([], dtype=torch.long)
PLAIN = SamplingOptions("sample", temperature=1, top_k=0, top_p=1, repetition_penalty=1, seed=0, max_tokens=1)


def frequencies(options: SamplingOptions, so_far: torch.Tensor = NONE, n: int = 4000) -> list[float]:
    generator = torch.Generator().manual_seed(0)
    drawn = [choose_token(LOGITS, so_far, options, generator) for _ in range(n)]
    return [drawn.count(i) / n for i in range(len(LOGITS))]


def test_plain_sampling_follows_the_softmax() -> None:
    assert frequencies(PLAIN) == pytest.approx(LOGITS.softmax(0).tolist(), abs=0.03)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    expected = (LOGITS / temperature).softmax(0).tolist()
    assert frequencies(dataclasses.replace(PLAIN, temperature=temperature)) == pytest.approx(expected, abs=0.03)


def test_top_k_and_top_p_leave_the_likeliest() -> None:
    assert keep_top_k(LOGITS, 2).isfinite().tolist() == [True, True, False, False, False]
    # probabilities: 0.643, 0.236, 0.087, 0.032, 0.001
    for p, kept in ((0.1, 1), (0.64, 1), (0.65, 2), (0.9, 3), (0.9995, 5)):
        assert keep_top_p(LOGITS, p).isfinite().sum() == kept
    assert set(torch.nonzero(torch.tensor(frequencies(dataclasses.replace(PLAIN, top_k=2)))).flatten().tolist()) == {
        0,
        1,
    }
    assert frequencies(dataclasses.replace(PLAIN, top_p=0.5))[0] == 1


def test_ties_at_the_border_of_top_k_stay() -> None:
    assert keep_top_k(torch.tensor([1.0, 1.0, 1.0, 0.0]), 2).isfinite().sum() == 3


def test_repetition_makes_seen_tokens_less_likely_and_leaves_the_input() -> None:
    logits = LOGITS.clone()
    penalised = penalise_repetition(logits, torch.tensor([0, 3, 3]), 2.0)
    assert penalised.tolist() == [1.0, 1.0, 0.0, -2.0, -5.0]
    assert torch.equal(logits, LOGITS)
    greedy = dataclasses.replace(PLAIN, method="greedy", repetition_penalty=3.0)
    assert choose_token(LOGITS, torch.tensor([0]), greedy, torch.Generator()) == 1


def test_excluded_tokens_stay_excluded() -> None:
    logits = torch.tensor([-math.inf, 0.0, 0.0])
    options = dataclasses.replace(PLAIN, temperature=5.0, top_k=3, top_p=0.99, repetition_penalty=1.5)
    generator = torch.Generator().manual_seed(0)
    assert 0 not in {choose_token(logits, torch.tensor([0, 1]), options, generator) for _ in range(200)}
