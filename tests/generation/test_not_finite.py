"""A model whose logits are not finite gives no reply, but an error message of one line."""

import dataclasses
import math
import os
import subprocess
from pathlib import Path

import pytest
import torch

from tests.forkserver import fast_python
from tests.generation.asking import GREEDY, PROMPTS, SAMPLED, ask, asked
from tests.generation.models import KINDS, Sample, changed, save_sample
from tinychat.errors import InputError
from tinychat.generation.engine import Engine
from tinychat.generation.loading import load_engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.model import weights
from tinychat.tokenizer import Tokenizer

OPTIONS = {
    "greedy": GREEDY,
    "sampled": SAMPLED,
    "cold": SamplingOptions("sample", 0.01, 50, 0.95, 0.01, repetition_penalty=1.5, max_tokens=5),
}
# Finite ones among them, which become too large on the way.
FAULTS = {
    "nan behind relu": ("decoder_layers.0.ffn.0.weight", math.nan),
    "nan at the end": ("output_layer.bias", math.nan),
    "minus inf": ("output_layer.bias", -math.inf),
    "huge attention": ("decoder_layers.0.self_attn.in_proj_weight", 1e30),
    "huge output": ("output_layer.weight", 1e38),
    "huge embeddings": ("input_layer.word_embedding.weight", 3e38),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def broken(sample: Sample, name: str) -> Sample:
    """A copy with one weight that is no number, or all of them huge."""
    parameter, value = FAULTS[name]

    def breaking(weight: torch.Tensor) -> None:
        if 0 < value < math.inf:
            weight.mul_(value / weight.abs().max())
        else:
            weight.view(-1)[5] = value

    return changed(sample, {parameter: breaking})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", OPTIONS)
def test_no_reply_is_made_of_logits_that_are_not_finite(
    talker: Sample, bpe: Tokenizer, kind: str, fault: str, name: str
) -> None:
    engine = Engine(broken(talker, fault).decoder(kind), bpe)
    with pytest.raises(
        InputError, match=r"^the model: its logits are not finite \(inf or nan\): weights are too large"
    ):
        ask(engine, PROMPTS[:2], OPTIONS[name])
    assert engine.free_slots == engine.decoder.slots


def test_the_folder_is_named(
    talker: Sample, bpe: Tokenizer, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_sample(broken(talker, "huge attention"), bpe, tmp_path / "huge")
    monkeypatch.setattr(weights, "MAX_WEIGHT", math.inf)  # else it is refused before it computes anything
    monkeypatch.setenv("TINYCHAT_DECODER", kind)
    with pytest.raises(InputError, match=rf"^{folder}: its logits are not finite"):
        list(load_engine(folder).stream(asked("안녕"), GREEDY))


def test_logits_that_are_huge_but_finite_are_said_by(talker: Sample, bpe: Tokenizer, kind: str) -> None:
    huge = changed(talker, {"output_layer.weight": lambda weight: weight.mul_(1e36 / weight.abs().max())})
    engine = Engine(huge.decoder(kind), bpe)
    greedy, cold = (
        ask(engine, PROMPTS[:2], dataclasses.replace(OPTIONS[name], max_tokens=5)) for name in ("greedy", "sampled")
    )
    assert [reply.token_ids for reply in greedy] == [reply.token_ids for reply in cold]


@pytest.mark.parametrize(
    "arguments", [["안녕"], ["안녕", "--temperature", "1.5"], []], ids=["greedy", "sampled", "typed"]
)
def test_the_chat_says_it_in_one_line(
    repo: Path, talker: Sample, bpe: Tokenizer, tmp_path: Path, arguments: list[str]
) -> None:
    folder = save_sample(broken(talker, "huge attention"), bpe, tmp_path / "huge")
    ended = subprocess.run(
        [fast_python(), "-m", "tinychat", "chat", *arguments, "--model", str(folder)],
        cwd=repo,
        input="안녕\n",
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "TINYCHAT_LANGUAGE": "en"},
        capture_output=True,
        encoding="utf-8",
    )
    assert not ended.stdout.strip()
    weight = "decoder_layers.0.self_attn.in_proj_weight"
    fault = f"does not fit config.json: {weight} holds NaN, infinity or a number that is too large"
    assert ended.stderr == f"error: {folder / 'model.safetensors'}: {fault}\n"
    assert ended.stderr.count("\n") == 1
    assert ended.returncode == 2
