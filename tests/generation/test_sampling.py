"""The choice of one token, held to a plain reference."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.generation import plain_sampling
from tests.generation.choosing import NOT, choose_token, keep_min_p, keep_top_k, keep_top_p
from tinychat.generation.decoder import Floats
from tinychat.generation.sampling import (
    SamplingOptions,
    SequenceState,
    banned_by_ngrams,
    candidates,
    choose_tokens,
    penalise_repetition,
    suppress,
)

LOGITS = np.array([2.0, 1.0, 0.0, -1.0, -5.0], dtype=np.float32)
PLAIN = SamplingOptions("sample")
EOS = 3


def cases(n: int = 150) -> list[tuple[Floats, list[int], np.random.Generator]]:
    """Logits of many shapes, some of them minus infinity, and tokens so far that repeat themselves."""
    made = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        size = int(rng.choice([4, 7, 50, 400]))
        logits = (rng.normal(size=size) * rng.choice([0.1, 2, 10])).astype(np.float32)
        logits[rng.random(size) < rng.choice([0, 0.3])] = NOT
        logits[int(rng.integers(size))] = 1.0
        made.append((logits, rng.integers(0, min(size, 4), int(rng.integers(1, 25))).tolist(), rng))
    return made


def check(found: Floats, expected: list[float]) -> None:
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-5)


def frequencies(options: SamplingOptions, so_far: list[int] | None = None, n: int = 4000) -> list[float]:
    rng = np.random.default_rng(0)
    drawn = [choose_token(LOGITS, so_far or [], 0, EOS, options, rng) for _ in range(n)]
    return [drawn.count(token) / n for token in range(len(LOGITS))]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_leaves_the_k_likeliest(k: int) -> None:
    for logits, _, _ in cases():
        check(keep_top_k(logits, k), plain_sampling.top_k(logits.tolist(), k))


def test_ties_at_the_border_of_top_k_stay() -> None:
    assert np.isfinite(keep_top_k(np.array([1.0, 1.0, 1.0, 0.0], dtype=np.float32), 2)).sum() == 3


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9, 0.999])
def test_top_p_leaves_the_likeliest_until_they_reach_p(p: float) -> None:
    for logits, _, _ in cases():
        check(keep_top_p(logits, p), plain_sampling.top_p(logits.tolist(), p))


@pytest.mark.parametrize(("p", "kept"), [(0.1, 1), (0.64, 1), (0.65, 2), (0.9, 3), (0.9995, 5)])
def test_the_token_that_reaches_p_stays(p: float, kept: int) -> None:
    # probabilities: 0.643, 0.236, 0.087, 0.032, 0.001
    assert np.isfinite(keep_top_p(LOGITS, p)).tolist() == [n < kept for n in range(5)]


def test_where_p_is_reached_exactly_no_more_stay() -> None:
    assert np.isfinite(keep_top_p(np.zeros(4, dtype=np.float32), 0.5)).tolist() == [True, True, False, False]


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.001, 0.1, 0.7, 1.0])
def test_min_p_leaves_what_is_p_times_as_likely_as_the_likeliest(p: float) -> None:
    for logits, _, _ in cases():
        check(keep_min_p(logits, p), plain_sampling.min_p(logits.tolist(), p))


@pytest.mark.parametrize("penalty", [0.5, 1.3, 5.0])
def test_repetition_makes_seen_tokens_less_likely(penalty: float) -> None:
    for logits, so_far, _ in cases():
        check(penalise_repetition(logits, so_far, penalty), plain_sampling.penalised(logits.tolist(), so_far, penalty))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 30])
def test_no_n_tokens_in_a_row_stand_twice(n: int) -> None:
    for logits, so_far, _ in cases():
        check(plainly_forbidden(logits, so_far, n), plain_sampling.not_repeating(logits.tolist(), so_far, n))


def plainly_forbidden(logits: Floats, so_far: list[int], n: int) -> Floats:
    left = logits.copy()
    left[banned_by_ngrams(so_far, n)] = NOT
    return left


def test_where_all_would_be_forbidden_nothing_is() -> None:
    logits = np.array([NOT, 1, NOT, 2], dtype=np.float32)
    assert suppress(logits, [1, 3]).tolist() == logits.tolist()
    assert suppress(logits, [3]).tolist() == [NOT, 1, NOT, NOT]
    assert suppress(logits, []).tolist() == logits.tolist()


OPTIONS = {
    "greedy": SamplingOptions(),
    "greedy, all": SamplingOptions(repetition_penalty=1.7, no_repeat_ngram=2, min_tokens=5),
    "plain": PLAIN,
    "hot": SamplingOptions("sample", temperature=3.0),
    "cold": SamplingOptions("sample", temperature=0.2),
    "top-k": SamplingOptions("sample", top_k=3),
    "more than there are": SamplingOptions("sample", top_k=1_000_000),
    "top-p": SamplingOptions("sample", top_p=0.8),
    "min-p": SamplingOptions("sample", min_p=0.2),
    "repetition": SamplingOptions("sample", repetition_penalty=1.5),
    "n-grams": SamplingOptions("sample", no_repeat_ngram=2),
    "min tokens": SamplingOptions("sample", min_tokens=5),
    "all": SamplingOptions("sample", 0.8, 20, 0.9, 0.05, 1.2, no_repeat_ngram=3, min_tokens=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_a_token_is_chosen_as_the_plain_reference_chooses_it(name: str) -> None:
    """The same sampling options in the same order, and the token on which the same random number falls."""
    options, chosen = OPTIONS[name], set()
    for logits, so_far, rng in cases():
        n_new = int(rng.integers(0, min(len(so_far), 8) + 1))
        expected = plain_sampling.processed(logits.tolist(), so_far, n_new, EOS, options)
        if max(expected) == -math.inf:
            continue
        seed = int(rng.integers(1000))
        token = choose_token(logits, so_far, n_new, EOS, options, np.random.default_rng(seed))
        if options.method == "greedy":
            assert token == expected.index(max(expected))
        else:
            assert token == plain_sampling.drawn(expected, np.random.default_rng(seed).random())
        chosen.add(token)
    assert len(chosen) > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OPTIONS, "each its own"])
@pytest.mark.parametrize("scale", [0.1, 2, 10])
def test_a_sentence_among_others_gets_the_token_that_it_gets_alone(name: str, scale: float) -> None:
    """Bit by bit, whatever their options: a number near a threshold would show another order of sums."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        logits = (rng.normal(size=(17, 400)) * scale * rng.random((17, 1))).astype(np.float32)
        logits[rng.random(logits.shape) < 0.1] = NOT
        options = [OPTIONS[str(rng.choice(list(OPTIONS)))] if name == "each its own" else OPTIONS[name] for _ in logits]
        so_far = rng.integers(0, 4, (17, 12)).tolist()

        def state(row: int) -> SequenceState:
            return SequenceState(so_far[row], 3, options[row], np.random.default_rng(row))  # noqa: B023

        together = choose_tokens(logits, [state(row) for row in range(17)], EOS)
        assert together == [choose_tokens(logits[row : row + 1], [state(row)], EOS)[0] for row in range(17)]


@pytest.mark.parametrize("options", [(50, 0.95, 0.0), (0, 0.95, 0.0), (0, 1.0, 0.05), (0, 1.0, 0.0)], ids=str)
def test_the_weights_that_a_token_is_drawn_by_are_those_of_the_sentence_alone(
    options: tuple[int, float, float],
) -> None:
    rng = np.random.default_rng(0)
    logits = (rng.normal(size=(32, 5000)) * rng.uniform(0.1, 8, (32, 1))).astype(np.float32)
    for row in logits:  # where it lies in the memory of a batch
        ids, weights = candidates(row, 0.8, *options)
        own_ids, own_weights = candidates(row.copy(), 0.8, *options)
        assert np.array_equal(ids, own_ids) and np.array_equal(weights, own_weights)


@pytest.mark.parametrize(
    ("options", "drawn"),
    [
        ((50, 0.95, 0.0), [3375, 2164, 477, 1219, 4262, 3816, 3436, 1758]),
        ((0, 0.95, 0.0), [3375, 2400, 477, 1219, 4262, 3904, 3436, 1758]),
        ((0, 1.0, 0.05), [3375, 1933, 477, 1219, 3569, 3816, 3436, 1758]),
        ((0, 1.0, 0.0), [3375, 2436, 477, 1219, 4262, 3904, 3436, 1758]),
        ((5, 1.0, 0.0), [3801, 1933, 477, 1219, 3569, 3816, 3436, 1758]),
    ],
    ids=str,
)
def test_the_same_seed_draws_the_same_tokens_in_every_version(
    options: tuple[int, float, float], drawn: list[int]
) -> None:
    logits = (np.random.default_rng(0).normal(size=(8, 5000)) * 3).astype(np.float32)
    sampled = SamplingOptions("sample", 0.8, *options)
    states = [SequenceState([1], 0, sampled, np.random.default_rng(seed)) for seed in range(8)]
    assert choose_tokens(logits, states, EOS) == drawn


def test_with_top_k_only_the_k_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """And with top-p alone only those that are likely enough to be among its tokens."""
    sorted_: list[int] = []
    argsort = np.argsort

    def counted(values: Floats, *args: Any, **kwargs: Any) -> Any:
        sorted_.append(len(values))
        return argsort(values, *args, **kwargs)

    monkeypatch.setattr(np, "argsort", counted)
    logits = (np.random.default_rng(0).normal(size=5000) * 5).astype(np.float32)
    candidates(logits, 1.0, 50, 0.95, 0.0)
    candidates(logits, 1.0, 0, 0.95, 0.0)
    assert sorted_[0] == 50
    assert sorted_[1] < 1000


@pytest.mark.parametrize("name", OPTIONS)
def test_the_logits_stay_as_they_were(name: str) -> None:
    for logits, so_far, rng in cases(20):
        before, seen = logits.copy(), list(so_far)
        choose_token(logits, so_far, 0, EOS, OPTIONS[name], rng)
        assert np.array_equal(logits, before)
        assert so_far == seen


@pytest.mark.parametrize("name", OPTIONS)
def test_excluded_tokens_stay_excluded(name: str) -> None:
    """Even where the options forbid all the others."""
    logits = np.array([NOT, 0.0, NOT, 0.0, NOT], dtype=np.float32)
    rng = np.random.default_rng(0)
    for so_far in ([1], [1, 3], [3, 1, 3, 1, 3, 1], [0, 2, 4]):
        assert {choose_token(logits, so_far, 0, EOS, OPTIONS[name], rng) for _ in range(100)} <= {1, 3}


def test_plain_sampling_follows_the_softmax() -> None:
    assert frequencies(PLAIN) == pytest.approx(plain_sampling.softmax(LOGITS.tolist()), abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    expected = plain_sampling.softmax((LOGITS / temperature).tolist())
    assert frequencies(dataclasses.replace(PLAIN, temperature=temperature)) == pytest.approx(expected, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        (dataclasses.replace(PLAIN, top_k=2), {0, 1}),
        (dataclasses.replace(PLAIN, top_p=0.5), {0}),
        (dataclasses.replace(PLAIN, min_p=0.3), {0, 1}),
        (dataclasses.replace(PLAIN, min_tokens=1), {0, 1, 2, 4}),
        (dataclasses.replace(PLAIN, no_repeat_ngram=1), {2, 3, 4}),
    ],
    ids=["top-k", "top-p", "min-p", "min tokens", "n-grams"],
)
def test_an_option_leaves_only_some_tokens(options: SamplingOptions, allowed: set[int]) -> None:
    found = frequencies(options, so_far=[0, 1] if options.no_repeat_ngram else [])
    assert {token for token, share in enumerate(found) if share} == allowed


def test_greedy_takes_the_likeliest_token_that_the_options_leave_and_no_random_number() -> None:
    rng = np.random.default_rng(0)
    choose: Callable[..., int] = lambda so_far, **options: choose_token(  # noqa: E731
        LOGITS, so_far, 0, EOS, SamplingOptions(**options), rng
    )
    assert choose([]) == 0
    assert choose([0], repetition_penalty=3.0) == 1
    assert choose([0], no_repeat_ngram=1) == 1
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(
    "options", [{"repetition_penalty": 100.0}, {"no_repeat_ngram": 1}, {"no_repeat_ngram": 2}], ids=str
)
def test_a_reply_may_end_as_an_earlier_one_did(options: dict[str, Any]) -> None:
    """By the rule of `transformers`, of 59 replies to a second question 34 ran on under no_repeat_ngram 2."""
    logits = np.array([0.5, 1.0, 0.0, 2.0], dtype=np.float32)
    history = [0, 1, EOS, 0, 2, 1]
    assert choose_token(logits, history, 1, EOS, SamplingOptions(**options), np.random.default_rng(0)) == EOS


def test_of_equally_likely_tokens_greedy_takes_the_first() -> None:
    logits = np.array([0, 1, 1], dtype=np.float32)
    assert choose_token(logits, [], 0, EOS, SamplingOptions(), np.random.default_rng(0)) == 1


@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-53])
def test_no_random_number_falls_on_what_cannot_be_said(number: float) -> None:
    class Always(np.random.Generator):
        def random(self) -> float:  # type: ignore[override]
            return number

    logits = np.array([NOT, 0.1, NOT, 0.2, NOT], dtype=np.float32)
    rng = Always(np.random.PCG64(0))
    assert choose_token(logits, [], 0, EOS, PLAIN, rng) in (1, 3)
