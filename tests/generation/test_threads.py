"""Threads that share one engine."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.generation.asking import PROMPTS, SAMPLED, asked
from tests.generation.models import Sample
from tinychat.generation.engine import Engine
from tinychat.tokenizer import Tokenizer


@pytest.mark.slow
def test_threads_that_share_an_engine_get_the_replies_that_one_alone_gets(talker: Sample, bpe: Tokenizer) -> None:
    engine = Engine(talker.decoder("numpy", slots=3), bpe)
    alone = {prompt: engine.reply([asked(prompt)], SAMPLED)[0] for prompt in PROMPTS}

    def answer(n: int) -> bool:
        prompt = PROMPTS[n % len(PROMPTS)]
        if n % 2:
            return engine.reply([asked(prompt)], SAMPLED)[0].token_ids == alone[prompt].token_ids
        return "".join(engine.stream(asked(prompt), SAMPLED)) == alone[prompt].text

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(answer, range(120)))
