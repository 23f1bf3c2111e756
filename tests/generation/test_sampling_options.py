"""Sampling options that make no sense are refused: which one, what was found, what would be right."""

import math
import re
from typing import Any

import pytest

from tinychat.errors import InputError
from tinychat.generation.sampling import SamplingOptions

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"method": "beam"}, "method is 'beam'; it must be greedy or sample"),
    ({"temperature": -1}, "temperature is -1; it must be 0 (greedy) or a number from 0.01 to 100"),
    ({"temperature": 0.001}, "temperature is 0.001; it must be 0 (greedy) or a number from 0.01 to 100"),
    ({"temperature": 101}, "temperature is 101; it must be 0 (greedy) or a number from 0.01 to 100"),
    ({"temperature": math.nan}, "temperature is nan; it must be 0 (greedy) or a number from 0.01 to 100"),
    ({"temperature": math.inf}, "temperature is inf; it must be 0 (greedy) or a number from 0.01 to 100"),
    ({"temperature": "1"}, "temperature is '1'; it must be 0 (greedy) or a number from 0.01 to 100"),
    ({"temperature": True}, "temperature is True; it must be 0 (greedy) or a number from 0.01 to 100"),
    ({"temperature": None}, "temperature is None; it must be 0 (greedy) or a number from 0.01 to 100"),
    ({"top_k": -1}, "top_k is -1; it must be a whole number from 0 on"),
    ({"top_k": 2.0}, "top_k is 2.0; it must be a whole number from 0 on"),
    ({"top_k": True}, "top_k is True; it must be a whole number from 0 on"),
    ({"top_p": 1.1}, "top_p is 1.1; it must be a number from 0 to 1"),
    ({"top_p": -0.1}, "top_p is -0.1; it must be a number from 0 to 1"),
    ({"top_p": 0}, "top_p is 0, which leaves no token; it must be above 0"),
    ({"top_p": math.nan}, "top_p is nan; it must be a number from 0 to 1"),
    ({"min_p": 1.5}, "min_p is 1.5; it must be a number from 0 to 1"),
    ({"repetition_penalty": 0}, "repetition_penalty is 0; it must be a number from 0.01 to 100"),
    ({"repetition_penalty": -2.0}, "repetition_penalty is -2.0; it must be a number from 0.01 to 100"),
    ({"no_repeat_ngram": -1}, "no_repeat_ngram is -1; it must be a whole number from 0 on"),
    ({"seed": -1}, "seed is -1; it must be a whole number from 0 on"),
    ({"seed": 1.5}, "seed is 1.5; it must be a whole number from 0 on"),
    ({"seed": None}, "seed is None; it must be a whole number from 0 on"),
    ({"min_tokens": -1}, "min_tokens is -1; it must be a whole number from 0 on"),
    ({"max_tokens": 0}, "max_tokens is 0; it must be a whole number from 1 on"),
    ({"max_tokens": 1e3}, "max_tokens is 1000.0; it must be a whole number from 1 on"),
    ({"min_tokens": 5, "max_tokens": 4}, "min_tokens is 5, above max_tokens, which is 4"),
    ({"min_tokens": 65}, "min_tokens is 65, above max_tokens, which is 64"),
    ({"alternatives": -3}, "alternatives is -3; it must be a whole number from 0 on"),
    ({"stop": ("",)}, "stop is ('',); it must be texts that are not empty"),
    ({"stop": ("a", 1)}, "stop is ('a', 1); it must be texts that are not empty"),
    ({"stop": "a"}, "stop is 'a'; it must be texts that are not empty"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[str(options) for options, _ in REFUSED])
def test_an_option_that_will_not_do_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}") as raised:
        SamplingOptions(**options)
    assert "\n" not in str(raised.value)


def test_the_borders_themselves_will_do() -> None:
    SamplingOptions("sample", temperature=0.01, top_p=1e-9, min_p=1, repetition_penalty=100, min_tokens=64)
    SamplingOptions(
        "greedy", temperature=100, top_k=10**9, min_p=0, repetition_penalty=0.01, seed=2**70, max_tokens=10**9
    )


def test_without_any_the_reply_is_the_likeliest_with_every_option_off() -> None:
    options = SamplingOptions()
    assert (options.method, options.temperature, options.top_k, options.top_p, options.min_p) == ("greedy", 1, 0, 1, 0)
    assert (options.repetition_penalty, options.no_repeat_ngram, options.min_tokens, options.stop) == (1, 0, 0, ())
    assert (options.seed, options.max_tokens, options.alternatives) == (0, 64, 0)


def test_temperature_0_means_greedy() -> None:
    assert SamplingOptions("sample", temperature=0, seed=1) == SamplingOptions("greedy", seed=1)
