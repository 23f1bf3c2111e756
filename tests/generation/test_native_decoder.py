"""What the compiled decoder has besides: two threads, several ways through its loops."""

import gc
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.generation.models import ARTICLE, SMALL, InOrder, Sample, needs_compiler, random_sample
from tests.generation.test_decoders import NEAR, Both
from tests.generation.test_without_torch import printed
from tinychat.generation.decoder import Floats
from tinychat.generation.native_decoder import (
    ATTENTION,
    BITS,
    CHUNKS,
    COUNT,
    FFN_OUT,
    HELPER,
    LAYER,
    LEADER,
    NONE,
    OUT_PROJ,
    OUTPUT,
    PART,
    NativeDecoder,
    Step,
    load_kernels,
)
from tinychat.model.classic_config import ClassicConfig

pytestmark = needs_compiler

NARROW = ClassicConfig(vocab_size=13, embed_dim=4, n_layers=1, n_heads=2, ffn_dim=6, max_len=12)
ODD = ClassicConfig(vocab_size=77, embed_dim=24, n_layers=3, n_heads=3, ffn_dim=40, max_len=17)
WIDE = ClassicConfig(vocab_size=900, embed_dim=160, n_layers=2, n_heads=5, ffn_dim=650, max_len=40)


def native_decoder(sample: Sample, slots: int = 1, threads: int = 1) -> NativeDecoder:
    weights = {name: tensor.numpy() for name, tensor in sample.model.state_dict().items()}
    return NativeDecoder(load_kernels(), sample.config, weights, slots, threads)


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tinychat-helper"]


@pytest.mark.parametrize("config", [NARROW, ODD, WIDE], ids=["narrow", "odd", "wide"])
def test_whatever_the_shape_is(config: ClassicConfig) -> None:
    both = Both(random_sample(config, seed=1), "native", slots=3)
    both.prefill(1)
    both.step(3)
    both.prefill(5, 2)
    both.step(config.max_len - 5)


@pytest.mark.slow
def test_a_whole_dialogue_of_the_articles_size_is_what_numpy_and_torch_say() -> None:
    sample = random_sample(ARTICLE, seed=2)
    prompt = np.random.default_rng(0).integers(0, ARTICLE.vocab_size, 12).tolist()
    said = {}
    for kind in ("native", "numpy", "torch"):
        decoder = InOrder(sample.decoder(kind, slots=1))
        logits, ids = decoder.prefill([prompt]), []
        for _ in range(ARTICLE.max_len - len(prompt)):
            ids.append(int(logits[0].argmax()))
            logits = decoder.step(ids[-1:])
        said[kind] = ids, logits
    for kind in ("numpy", "torch"):
        assert said["native"][0] == said[kind][0]
        np.testing.assert_allclose(said["native"][1], said[kind][1], rtol=0, atol=NEAR)


def test_one_becomes_two_and_two_become_one() -> None:
    both = Both(random_sample(SMALL, seed=3), "native", slots=2)
    both.prefill(4)
    for _ in range(3):
        both.step(2)
        both.prefill(1)
        both.step(2)
        both.keep([1])


@pytest.mark.slow
@pytest.mark.parametrize("n", [7, 8, 9, 11, 12, 16, 17, 24, 30, 32, 33, 49])
def test_so_many_sequences_at_once(n: int) -> None:
    both = Both(random_sample(ODD, seed=4), "native", slots=n)
    both.prefill(*(1 + place % 7 for place in range(n)))
    both.step(3)


def test_more_sequences_than_the_tokens_of_a_short_prompt() -> None:
    both = Both(random_sample(ODD, seed=5), "native", slots=90)
    for _ in range(3):
        both.prefill(*[2] * 30)
    both.step(2)


@pytest.mark.parametrize("lengths", [(24, 24, 16), (24, 24, 17)], ids=["in one call", "in two"])
def test_prompts_of_as_many_tokens_as_one_call_takes_and_of_more(lengths: tuple[int, ...]) -> None:
    both = Both(random_sample(SMALL, seed=6), "native", slots=4)
    both.prefill(2)
    both.step(2)
    both.prefill(*lengths)
    both.keep([0, 3])
    both.step(3)


def answers(decoder: NativeDecoder, prompts: list[list[int]], steps: int) -> list[Floats]:
    """The logits of the token after some prompts, and after each of the likeliest ones; then it is empty again."""
    slots = range(len(prompts))
    logits = [decoder.prefill(prompts, slots)]
    for _ in range(steps):
        logits.append(decoder.step(logits[-1].argmax(axis=1).tolist(), slots))
    decoder.free(slots)
    return logits


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 3])
def test_a_helper_changes_nothing_however_much_it_helps(n: int) -> None:
    sample, rng = random_sample(ARTICLE, seed=7), np.random.default_rng(0)
    alone, helped = native_decoder(sample, n), native_decoder(sample, n, threads=2)
    for _ in range(5):
        prompts = [rng.integers(0, ARTICLE.vocab_size, 20).tolist() for _ in range(n)]
        for steps in (0, 1, 10):
            for one, other in zip(answers(alone, prompts, steps), answers(helped, prompts, steps), strict=True):
                assert np.array_equal(one, other)


def begin_part(step: Step, number: int, part: int, n: int) -> None:
    """What the leader signals when it begins this part of the last layer, or of what is behind all layers."""
    layer = step.keys.shape[0] - (part != OUTPUT)
    for signal, value in ((PART, part), (LAYER, layer), (COUNT, n), (LEADER, number << BITS)):
        step.signals[signal] = value


# Parts of a step in one layer, whose inputs are still there when the step has ended, and their places in it.
LAST_PARTS = {"attention": (ATTENTION, 2), "out_proj": (OUT_PROJ, 3), "ffn_out": (FFN_OUT, 5), "output": (OUTPUT, 6)}


@pytest.mark.parametrize("name", LAST_PARTS)
def test_what_a_helper_has_computed_of_a_part_is_taken(name: str) -> None:
    """The helper's side runs before the leader's, here: it finds a part begun and computes all of it."""
    part, place = LAST_PARTS[name]
    decoder = native_decoder(random_sample(ClassicConfig(900, 64, 1, 4, 128, 24), seed=7))
    step, prompts = decoder._step, [[5]]
    (expected,) = answers(decoder, prompts, 0)
    for helps in (True, False):
        begun = int(step.signals[LEADER]) >> BITS
        begin_part(step, begun + place, part, n=1)
        step.helped[:] = np.nan
        decoder._kernels.help_out(decoder._in_c)
        assert int(step.signals[HELPER]) >> BITS == begun + place
        assert int(step.signals[HELPER]) & CHUNKS > 0
        if not helps:  # to see that it is the helper's
            step.helped[:] = np.nan
        step.signals[LEADER], step.signals[PART] = begun << BITS, NONE
        (logits,) = answers(decoder, prompts, 0)
        assert np.array_equal(logits, expected) == helps


def test_a_helper_that_is_woken_takes_the_work_that_is_there() -> None:
    decoder = native_decoder(random_sample(SMALL, seed=7), threads=2)
    answers(decoder, [[5]], 0)
    number = (int(decoder._step.signals[LEADER]) >> BITS) + 100
    begin_part(decoder._step, number, OUTPUT, n=1)
    assert decoder._helper is not None
    # Nobody else works on the part: whenever the system lets the helper run, it computes all of it.
    for _ in range(6000):
        if int(decoder._step.signals[HELPER]) >> BITS == number and decoder._step.signals[HELPER] & CHUNKS:
            return
        decoder._helper.wake()
        time.sleep(0.01)
    pytest.fail("it took nothing")


@pytest.mark.parametrize("n", [1, 3])
def test_what_a_helper_says_of_a_part_that_has_passed_is_not_believed(n: int) -> None:
    decoder = native_decoder(random_sample(SMALL, seed=7), n)
    prompts = [[5, 6, 7]] * n
    expected = answers(decoder, prompts, 5)
    step = decoder._step
    step.helped[:] = np.nan
    for number in (0, int(step.signals[LEADER]) >> BITS):
        step.signals[HELPER] = (number << BITS) + CHUNKS
        assert all(map(np.array_equal, answers(decoder, prompts, 5), expected))


def test_a_helper_that_is_late_changes_nothing() -> None:
    """Busy threads make it late: they hold Python's lock, without which it does not begin."""
    sample, rng = random_sample(WIDE, seed=7), np.random.default_rng(0)
    alone, helped = native_decoder(sample, slots=3), native_decoder(sample, slots=3, threads=2)
    busy = True

    def hold_the_lock() -> None:
        while busy:
            sum(range(1000))

    others = [threading.Thread(target=hold_the_lock, daemon=True) for _ in range(2)]
    for thread in others:
        thread.start()
    try:
        for turn in range(6):
            prompts = [rng.integers(0, WIDE.vocab_size, 5).tolist() for _ in range(1 + turn % 3)]
            for one, other in zip(answers(alone, prompts, 12), answers(helped, prompts, 12), strict=True):
                assert np.array_equal(one, other)
    finally:
        busy = False


def test_the_helper_ends_with_its_decoder() -> None:
    before = set(helpers())
    decoder = native_decoder(random_sample(SMALL, seed=8), threads=2)
    decoder.prefill([[1, 2]], [0])
    (mine,) = set(helpers()) - before
    del decoder
    gc.collect()
    mine.join(timeout=30)
    assert not mine.is_alive()


def test_with_one_thread_there_is_no_helper() -> None:
    before = set(helpers())
    native_decoder(random_sample(SMALL, seed=8)).prefill([[1, 2]], [0])
    assert set(helpers()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_goes_on_without_the_helper(repo: Path, talker_folder: Path) -> None:
    code = """
import os, sys, tinychat
bot = tinychat.load(sys.argv[1])
said = bot.reply("안녕").text
child = os.fork()
if not child:
    os._exit(bot.reply("안녕").text != said)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    quiet = {"PYTHONWARNINGS": "ignore::DeprecationWarning"}  # of forking beside threads
    assert printed(repo, code, talker_folder, TINYCHAT_DECODER="native", TINYCHAT_THREADS="2", **quiet) == "0\n"
