"""Every decoder computes what the model computes that reads every sequence from its beginning, alone."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
import threadpoolctl

from tests.generation.models import KINDS, SMALL, InOrder, PlainDecoder, Sample, random_sample
from tinychat.generation.decoder import Decoder, Floats
from tinychat.generation.numpy_decoder import LayerWeights, NumpyDecoder

NEAR = 1e-4
SUBSETS = [subset for n in range(4) for subset in combinations(range(4), n)]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def small() -> Sample:
    return random_sample(SMALL, 3)


class Both:
    """A decoder beside the plain one: both get the same calls, and their logits are compared."""

    def __init__(self, sample: Sample, kind: str, slots: int = 4, seed: int = 0, scattered: bool = False) -> None:
        self.decoder = InOrder(sample.decoder(kind, slots), scattered)
        self.plain = InOrder(sample.decoder("plain", slots))
        self.rng = np.random.default_rng(seed)
        self.next: list[int] = []  # the likeliest token after each sequence

    def prompt(self, length: int) -> list[int]:
        return self.rng.integers(0, self.decoder.decoder.vocab_size, length).tolist()

    def prefill(self, *lengths: int) -> None:
        prompts = [self.prompt(length) for length in lengths]
        self.next += likeliest_in_both(self.decoder.prefill(prompts), self.plain.prefill(prompts))

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.next = likeliest_in_both(self.decoder.step(self.next), self.plain.step(self.next))

    def keep(self, sequences: Sequence[int]) -> None:
        self.decoder.keep(sequences)
        self.plain.keep(sequences)
        self.next = [self.next[number] for number in sequences]


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


def test_a_sequence_grows_from_one_token_to_max_len_exactly(sample: Sample, kind: str) -> None:
    both = Both(sample, kind)
    both.prefill(1)
    both.step(sample.config.max_len - 1)
    with pytest.raises(ValueError, match="more than max_len"):
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


def test_a_slot_is_as_new_after_a_longer_sequence_has_left_it(sample: Sample, kind: str) -> None:
    both = Both(sample, kind, slots=2)
    both.prefill(18, 4)
    both.step(3)
    both.keep([1])
    both.prefill(2)
    both.step(5)
    both.keep([])
    both.prefill(1, 1)
    both.step(6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_in_any_order_of_entering_growing_and_leaving(small: Sample, kind: str, seed: int) -> None:
    both = Both(small, kind, slots=5, seed=seed, scattered=seed % 2 == 1)
    entered = grown = 0
    for _ in range(250):
        assert isinstance(both.plain.decoder, PlainDecoder)
        lengths = [len(both.plain.decoder.sequences[slot]) for slot in both.plain.slots]
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

    def _project(self, layer: LayerWeights, x: Floats) -> Floats:
        infos = threadpoolctl.threadpool_info()
        self.threads_seen |= {info["num_threads"] for info in infos if info["internal_api"] == "openblas"}
        return super()._project(layer, x)


@pytest.mark.parametrize("threads", [1, 2])
def test_numpy_takes_so_many_threads_while_it_computes(small: Sample, threads: int) -> None:
    weights = {name: tensor.numpy() for name, tensor in small.model.state_dict().items()}
    decoder = Watched(small.config, weights, slots=1, threads=threads)
    with threadpoolctl.threadpool_limits(2):
        seen = []
        for compute in (lambda: decoder.prefill([[1, 2, 3]], [0]), lambda: decoder.step([4], [0])):
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
    "a slot that is not there": (lambda d: d.prefill([[1], [2], [3]], [2, 3, 4]), "each of 0 to 3 once at most"),
    "a slot twice": (lambda d: d.prefill([[1], [2]], [2, 2]), "each of 0 to 3 once at most"),
    "a slot that is not free": (lambda d: d.prefill([[1]], [1]), "not all free"),
    "more prompts than slots": (lambda d: d.prefill([[1], [2]], [2]), "2 sequences for 1 slots"),
    "too long a prompt": (lambda d: d.prefill([[1], [1] * 25], [2, 3]), "1 to 24 are needed"),
    "an empty prompt": (lambda d: d.prefill([[], [1]], [2, 3]), "1 to 24 are needed"),
    "no prompt": (lambda d: d.prefill([], []), "0 sequences"),
    "too few tokens": (lambda d: d.step([1], [0, 1]), "1 sequences for 2 slots"),
    "too many tokens": (lambda d: d.step([1, 2, 3], [0, 1]), "3 sequences for 2 slots"),
    "a step of a free slot": (lambda d: d.step([1, 2], [0, 2]), "do not all hold a sequence"),
    "no token": (lambda d: d.step([], []), "0 sequences"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_hold_is_refused_and_it_goes_on(small: Sample, kind: str, name: str) -> None:
    both = Both(small, kind)
    both.prefill(3, 8)
    tell, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        tell(both.decoder.decoder)
    both.step(2)
    both.prefill(4, 5)
    both.step(2)


def test_some_of_the_sequences_may_go_on_alone(small: Sample, kind: str) -> None:
    """As a server needs it, which steps those that want a token."""
    decoder, plain = small.decoder(kind), small.decoder("plain")
    for one in (decoder, plain):
        one.prefill([[1, 2, 3], [4, 5], [6]], [0, 1, 3])
    for ids, slots in (([7], [1]), ([8, 9], [3, 0]), ([10, 11, 12], [0, 1, 3]), ([13, 14], [0, 3])):
        likeliest_in_both(decoder.step(ids, slots), plain.step(ids, slots))


def test_the_logits_of_an_earlier_step_stay_as_they_were(small: Sample, kind: str) -> None:
    decoder: Decoder = small.decoder(kind)
    logits = decoder.prefill([[1, 2, 3]], [0])
    before = logits.copy()
    decoder.step([4], [0])
    decoder.free([0])
    decoder.prefill([[9, 9]], [0])
    assert np.array_equal(logits, before)


def test_the_weights_stay_as_they_were(small: Sample, kind: str) -> None:
    before = {name: tensor.clone() for name, tensor in small.model.state_dict().items()}
    both = Both(small, kind)
    both.prefill(4, 7)
    both.step(3)
    assert all(before[name].equal(tensor) for name, tensor in small.model.state_dict().items())
