"""Int8 weights: what the model computes with its weights rounded, whatever the batch and the processor."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.generation.asking import ask, ids_of
from tests.generation.models import ARTICLE, SMALL, InOrder, Sample, needs_compiler, random_sample
from tests.generation.test_decoders import REFUSED
from tests.generation.test_native_decoder import NARROW, ODD, WIDE
from tinychat.errors import InputError
from tinychat.generation import int8_decoder
from tinychat.generation.compiling import NotCompiled, find_compiler
from tinychat.generation.decoder import Floats
from tinychat.generation.int8_decoder import Int8Decoder, load_int8_kernels
from tinychat.generation.loading import load_engine
from tinychat.model.classic_config import ClassicConfig
from tinychat.quantizing import INT6, quantize_rows

pytestmark = needs_compiler

DEEP = ClassicConfig(vocab_size=50, embed_dim=16, n_layers=1, n_heads=2, ffn_dim=5000, max_len=8)
SHAPES = {"narrow": NARROW, "odd": ODD, "wide": WIDE, "deep": DEEP, "small": SMALL}
NEAR = 0.02  # inputs are rounded to 14 bits, and the logits of these models are large


def rounded(sample: Sample) -> Sample:
    """The model with the matrices that int8 rounds rounded, computed in fp32."""
    with torch.no_grad():
        for name, parameter in sample.model.named_parameters():
            if parameter.ndim == 2 and "pos_embedding" not in name:
                whole, scales = quantize_rows(parameter.numpy())
                parameter.copy_(torch.from_numpy(whole * scales[:, None]))
    return sample


def logits_of(sample: Sample, kind: str, prompts: list[list[int]], then: list[list[int]]) -> list[Floats]:
    decoder = InOrder(sample.decoder(kind, slots=len(prompts)))
    return [decoder.prefill(prompts), *(decoder.step(ids) for ids in then)]


@pytest.mark.parametrize("shape", SHAPES)
def test_it_computes_what_the_model_with_rounded_weights_computes(shape: str) -> None:
    config = SHAPES[shape]
    rng = np.random.default_rng(0)
    prompts = [rng.integers(0, config.vocab_size, n).tolist() for n in (1, 5, 3)]
    then = [rng.integers(0, config.vocab_size, 3).tolist() for _ in range(3)]
    sample = rounded(random_sample(config, seed=1))
    for found, expected in zip(
        logits_of(sample, "int8", prompts, then), logits_of(sample, "plain", prompts, then), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=NEAR)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sequence_has_the_same_logits_in_any_batch_and_by_any_steps(shape: str) -> None:
    config = SHAPES[shape]
    sample = random_sample(config, seed=2)
    rng = np.random.default_rng(1)
    prompts = [rng.integers(0, config.vocab_size, n).tolist() for n in (7, 2, 6, 1, 4, 5)]
    together = InOrder(sample.decoder("int8", slots=6)).prefill(prompts)
    for prompt, logits in zip(prompts, together, strict=True):
        decoder = InOrder(sample.decoder("int8", slots=1))
        one = decoder.prefill([prompt[:1]])
        for token in prompt[1:]:
            one = decoder.step([token])
        assert np.array_equal(one[0], logits)


def test_a_prompt_longer_than_a_call_is_read_in_parts() -> None:
    sample = random_sample(ARTICLE, seed=0)
    prompt = np.random.default_rng(2).integers(0, ARTICLE.vocab_size, ARTICLE.max_len).tolist()
    whole = InOrder(sample.decoder("int8", slots=1)).prefill([prompt])
    decoder = InOrder(sample.decoder("int8", slots=1))
    decoder.prefill([prompt[:-1]])
    assert np.array_equal(whole, decoder.step(prompt[-1:]))


def test_a_slot_is_as_new_after_a_longer_sequence_has_left_it() -> None:
    sample = random_sample(SMALL, seed=3)
    decoder = InOrder(sample.decoder("int8", slots=2))
    decoder.prefill([[5] * 20, [1, 2]])
    decoder.keep([1])
    decoder.prefill([[7, 8]])
    assert np.array_equal(decoder.step([3, 4])[1], logits_of(sample, "int8", [[7, 8]], [[4]])[1][0])


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_hold_is_refused_and_it_goes_on(name: str) -> None:
    sample = random_sample(SMALL, seed=3)
    decoder = sample.decoder("int8")
    decoder.prefill([[1, 2, 3], [4, 5]], [0, 1])
    tell, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        tell(decoder)
    assert np.array_equal(decoder.step([6], [1])[0], logits_of(sample, "int8", [[4, 5]], [[6]])[1][0])


class OtherFlags:
    """Libraries of int8.c for other processors than this one."""

    @staticmethod
    def compiled(flags: list[str], folder: Path) -> ctypes.CDLL:
        library = folder / "int8.so"
        command = [*find_compiler(), "-O3", "-std=c11", *flags, "-shared", "-fPIC", str(int8_decoder.SOURCE)]
        subprocess.run([*command, "-o", str(library), "-lm"], check=True)
        return ctypes.CDLL(str(library))


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["-mavx2", "-mfma"], ["-O0"]], ids=["generic", "avx2", "not-optimised"])
def test_other_processors_compute_the_same(flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "-mavx2" in flags and "avx2" not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        pytest.skip("this processor has no AVX2")
    sample = random_sample(WIDE, seed=4)
    weights = {name: tensor.numpy() for name, tensor in sample.model.state_dict().items()}
    expected = sample.decoder("int8").prefill([[1, 2, 3, 4, 5], [6, 7]], [0, 1])
    library = OtherFlags.compiled(flags, tmp_path)
    monkeypatch.setattr(int8_decoder, "load_compiled", lambda source: library)
    found = Int8Decoder(load_int8_kernels(), WIDE, weights, 4).prefill([[1, 2, 3, 4, 5], [6, 7]], [0, 1])
    np.testing.assert_allclose(found, expected, rtol=0, atol=NEAR)


def test_the_exponential_of_softmax_is_that_of_numpy() -> None:
    """Attention of one head over scores far apart: the mixed values are weighted as softmax weights them."""
    sample = rounded(random_sample(SMALL, seed=5))
    with torch.no_grad():
        for name, parameter in sample.model.named_parameters():
            if name.endswith("in_proj.weight"):
                parameter.mul_(6)  # sharp attention: differences up to hundreds
    prompt = list(range(1, 24))
    found, expected = (logits_of(sample, kind, [prompt], [])[0] for kind in ("int8", "plain"))
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.1)


def test_rows_are_whole_numbers_times_a_scale() -> None:
    weight = np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [1e-3, 2e-3, -1e-3]], dtype=np.float32)
    whole, scales = quantize_rows(weight)
    assert whole.tolist() == [[64, -127, 32], [0, 0, 0], [64, 127, -64]]
    np.testing.assert_allclose(whole * scales[:, None], weight, atol=0.01)
    assert np.abs(quantize_rows(weight, INT6)[0]).max() == INT6


def test_it_is_taken_where_int8_is_asked_for(talker_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYCHAT_WEIGHTS", "int8")
    engine = load_engine(talker_folder)
    assert type(engine.decoder).__name__ == "Int8Decoder"
    assert all(ids_of(ask(engine, ["안녕", "뭐 먹을래?"])))


@pytest.mark.slow
def test_most_replies_of_a_trained_model_are_those_of_fp32(
    trained_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = ["안녕", "고마워", "뭐 먹을래?", "잘 자", "오늘 기분이 어때?"]
    in_fp32 = ids_of(ask(load_engine(trained_folder), questions))
    monkeypatch.setenv("TINYCHAT_WEIGHTS", "int8")
    in_int8 = ids_of(ask(load_engine(trained_folder), questions))
    assert sum(one == other for one, other in zip(in_fp32, in_int8, strict=True)) >= 4


def test_it_is_refused_where_nothing_can_be_compiled(talker_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path) -> ctypes.CDLL:
        raise NotCompiled("there is no compiler")

    monkeypatch.setenv("TINYCHAT_WEIGHTS", "int8")
    monkeypatch.setattr(int8_decoder, "load_compiled", fail)
    with pytest.raises(InputError, match=r"^TINYCHAT_WEIGHTS is int8, which a C compiler makes on this machine, but "):
        load_engine(talker_folder)


@pytest.mark.parametrize("other", [("TINYCHAT_DECODER", "numpy"), ("TINYCHAT_PRECISION", "bf16")])
def test_it_is_refused_beside_another_wish(
    talker_folder: Path, other: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYCHAT_WEIGHTS", "int8")
    monkeypatch.setenv(*other)
    with pytest.raises(InputError, match="TINYCHAT_WEIGHTS is int8, which only the native decoder computes"):
        load_engine(talker_folder)
