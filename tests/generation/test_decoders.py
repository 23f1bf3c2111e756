"""Every decoder computes what the model computes that reads every sentence from its beginning, alone."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
import threadpoolctl

from tests.generation.models import KINDS, SMALL, Sample, random_sample
from tinychat.generation.decoder import Decoder, Floats
from tinychat.generation.numpy_decoder import Layer, NumpyDecoder

NEAR = 1e-4
SUBSETS = [subset for n in range(4) for subset in combinations(range(4), n)]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def small() -> Sample:
    return random_sample(SMALL, 3)


class Both:
    """A decoder beside the plain one: what one is told the other is told, and their logits are compared."""

    def __init__(self, sample: Sample, kind: str, rows: int = 4, seed: int = 0) -> None:
        self.decoder, self.plain = sample.decoder(kind, rows), sample.decoder("plain", rows)
        self.rng = np.random.default_rng(seed)
        self.next: list[int] = []  # the likeliest token after each sentence

    def prompt(self, length: int) -> list[int]:
        return self.rng.integers(0, self.decoder.vocab_size, length).tolist()

    def prefill(self, *lengths: int) -> None:
        prompts = [self.prompt(length) for length in lengths]
        self.next += likeliest_in_both(self.decoder.prefill(prompts), self.plain.prefill(prompts))

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.next = likeliest_in_both(self.decoder.step(self.next), self.plain.step(self.next))

    def keep(self, sentences: Sequence[int]) -> None:
        self.decoder.keep(sentences)
        self.plain.keep(sentences)
        self.next = [self.next[sentence] for sentence in sentences]


def likeliest_in_both(logits: Floats, expected: Floats) -> list[int]:
    assert logits.shape == expected.shape
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, rtol=0, atol=NEAR)
    assert logits.argmax(axis=1).tolist() == expected.argmax(axis=1).tolist()
    return logits.argmax(axis=1).tolist()


def test_prompts_of_different_lengths_go_on_in_one_batch(sample: Sample, kind: str) -> None:
    both = Both(sample, kind)
    both.prefill(1, 9, 14, 3)
    both.step(8)


def test_a_sentence_grows_from_one_token_to_max_len_exactly(sample: Sample, kind: str) -> None:
    both = Both(sample, kind)
    both.prefill(1)
    both.step(sample.config.max_len - 1)
    with pytest.raises(ValueError, match="cannot grow"):
        both.decoder.step(both.next)


def test_a_prompt_may_have_max_len_tokens(sample: Sample, kind: str) -> None:
    both = Both(sample, kind)
    both.prefill(sample.config.max_len, 2)


def test_others_enter_in_the_middle_of_a_running_batch(sample: Sample, kind: str) -> None:
    both = Both(sample, kind)
    both.prefill(5, 11)
    both.step(3)
    both.prefill(2)
    both.step(2)
    both.prefill(17)
    both.step(3)


@pytest.mark.parametrize("subset", SUBSETS, ids=str)
def test_any_may_leave_and_the_rest_go_on_as_before(small: Sample, kind: str, subset: tuple[int, ...]) -> None:
    both = Both(small, kind)
    both.prefill(3, 12, 7, 1)
    both.step(2)
    both.keep(subset)
    if subset:
        both.step(3)
    both.prefill(6)
    both.step(3)


def test_a_place_is_as_new_after_a_longer_sentence_has_left_it(sample: Sample, kind: str) -> None:
    both = Both(sample, kind, rows=2)
    both.prefill(18, 4)
    both.step(3)
    both.keep([1])
    both.prefill(2)
    both.step(5)
    both.keep([])
    both.prefill(1, 1)
    both.step(6)


@pytest.mark.parametrize("seed", range(4))
def test_in_any_order_of_entering_growing_and_leaving(small: Sample, kind: str, seed: int) -> None:
    both = Both(small, kind, rows=5, seed=seed)
    entered = grown = 0
    for _ in range(250):
        lengths = [len(sentence) for sentence in both.plain.sentences]
        action = both.rng.choice(["enter", "step", "step", "step", "leave"])
        if action == "enter" and len(lengths) < 5:
            n = int(both.rng.integers(1, 6 - len(lengths)))
            both.prefill(*both.rng.integers(1, small.config.max_len, n))
            entered += n
        elif action == "leave" or (lengths and max(lengths) == small.config.max_len):
            both.keep(
                [n for n, length in enumerate(lengths) if length < small.config.max_len and both.rng.random() < 0.7]
            )
        elif action == "step" and lengths:
            both.step()
            grown += len(lengths)
    assert entered > 30
    assert grown > 100


class Watched(NumpyDecoder):
    """It looks how many threads OpenBLAS takes in the middle of its products."""

    threads_seen: frozenset[int] = frozenset()

    def _project(self, layer: Layer, x: Floats) -> Floats:
        infos = threadpoolctl.threadpool_info()
        self.threads_seen |= {info["num_threads"] for info in infos if info["internal_api"] == "openblas"}
        return super()._project(layer, x)


@pytest.mark.parametrize("threads", [1, 2])
def test_numpy_takes_so_many_threads_while_it_computes(small: Sample, threads: int) -> None:
    weights = {name: tensor.numpy() for name, tensor in small.model.state_dict().items()}
    decoder = Watched(small.config, weights, rows=1, threads=threads)
    with threadpoolctl.threadpool_limits(2):
        seen = []
        for compute in (lambda: decoder.prefill([[1, 2, 3]]), lambda: decoder.step([4])):
            decoder.threads_seen = frozenset()
            compute()
            seen.append(decoder.threads_seen)
    if not seen[0]:
        pytest.skip("this numpy has no OpenBLAS")
    assert seen == [{threads}, {threads}]


def test_two_decoders_of_one_model_have_nothing_in_common(small: Sample, kind: str) -> None:
    one, other = Both(small, kind, seed=1), Both(small, kind, seed=2)
    one.prefill(6, 2)
    other.prefill(9, 9, 1)
    one.step(2)
    other.step(2)
    one.step(2)


REFUSED = {
    "more sentences than it holds": (lambda decoder: decoder.prefill([[1], [2], [3]]), "5 sentences; .* holds 4"),
    "too long a prompt": (lambda decoder: decoder.prefill([[1], [1] * 25]), "1 to 24 is needed"),
    "an empty prompt": (lambda decoder: decoder.prefill([[], [1]]), "1 to 24 is needed"),
    "no prompt": (lambda decoder: decoder.prefill([]), "1 to 24 is needed"),
    "too few tokens": (lambda decoder: decoder.step([1]), "1 tokens for 2 sentences"),
    "too many tokens": (lambda decoder: decoder.step([1, 2, 3]), "3 tokens for 2 sentences"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_hold_is_refused_and_it_goes_on(small: Sample, kind: str, name: str) -> None:
    both = Both(small, kind)
    both.prefill(3, 8)
    tell, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        tell(both.decoder)
    both.step(2)
    both.prefill(4, 5)
    both.step(2)


def test_an_empty_decoder_refuses_to_step(small: Sample, kind: str) -> None:
    with pytest.raises(ValueError, match="for 0 sentences"):
        small.decoder(kind).step([])


def test_the_logits_of_an_earlier_step_stay_as_they_were(small: Sample, kind: str) -> None:
    decoder: Decoder = small.decoder(kind)
    logits = decoder.prefill([[1, 2, 3]])
    before = logits.copy()
    decoder.step([4])
    decoder.keep([])
    decoder.prefill([[9, 9]])
    assert np.array_equal(logits, before)


def test_the_weights_stay_as_they_were(small: Sample, kind: str) -> None:
    before = {name: tensor.clone() for name, tensor in small.model.state_dict().items()}
    both = Both(small, kind)
    both.prefill(4, 7)
    both.step(3)
    assert all(before[name].equal(tensor) for name, tensor in small.model.state_dict().items())
