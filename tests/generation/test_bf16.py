"""In bf16 a reply need not be the same; benchmarks/bf16_replies.py says how often it is not."""

import numpy as np
import pytest
import torch

from tests.generation.asking import GREEDY, PROMPTS, SAMPLED, ask
from tests.generation.models import ARTICLE, SMALL, InOrder, Sample, random_sample
from tinychat.generation.engine import Engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.generation.torch_decoder import TorchDecoder
from tinychat.model.classic_config import ClassicConfig
from tinychat.tokenizer import Tokenizer


@pytest.mark.parametrize("config", [SMALL, ARTICLE], ids=["small", "article"])
def test_the_logits_are_near_those_in_fp32_and_are_fp32(config: ClassicConfig) -> None:
    sample = random_sample(config, 0)
    bf16 = InOrder(TorchDecoder(sample.model, slots=3, dtype=torch.bfloat16))
    fp32 = InOrder(sample.decoder("torch", slots=3))
    prompts = [[5, 6, 7], list(range(20)), [9]]
    found, expected = bf16.prefill(prompts), fp32.prefill(prompts)
    for _ in range(4):
        assert found.dtype == np.float32
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.999
        assert 0 < abs(found - expected).max() < 1
        ids = expected.argmax(axis=1).tolist()
        found, expected = bf16.step(ids), fp32.step(ids)


@pytest.mark.parametrize("options", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_it_replies(talker: Sample, bpe: Tokenizer, options: SamplingOptions) -> None:
    engine = Engine(TorchDecoder(talker.model, slots=2, dtype=torch.bfloat16), bpe)
    replies = ask(engine, PROMPTS, options)
    assert all(reply.finish_reason in ("stop", "length") and reply.text for reply in replies)
    assert all(np.isfinite(reply.logprobs).all() for reply in replies)


def test_the_weights_of_the_model_stay_in_fp32(talker: Sample) -> None:
    TorchDecoder(talker.model, slots=1, dtype=torch.bfloat16).prefill([[1, 5, 2]], [0])
    assert {tensor.dtype for tensor in talker.model.state_dict().values()} == {torch.float32}
