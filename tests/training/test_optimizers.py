import math
from typing import Any

import pytest
import torch

from tinychat.model import DialogueModel
from tinychat.params.sections import TrainParams
from tinychat.training.optimizers import build_optimizer, learning_rate_at

from .conftest import DEFAULTS


def params(**changes: Any) -> TrainParams:
    return TrainParams(**{**DEFAULTS, **changes})


def test_the_warm_up_is_linear_and_the_cosine_ends_at_a_tenth() -> None:
    p = params(learning_rate=1.0, warmup_steps=10)
    rates = [learning_rate_at(step, 110, p) for step in range(110)]
    assert rates[:10] == pytest.approx([(n + 1) / 10 for n in range(10)])
    assert max(rates) == 1.0
    assert rates[-1] == pytest.approx(0.1)
    assert rates[60] == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 50 / 99)))
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_the_straight_line_ends_at_nothing() -> None:
    p = params(learning_rate=1.0, warmup_steps=10, schedule="linear")
    rates = [learning_rate_at(step, 110, p) for step in range(111)]
    assert rates[:10] == pytest.approx([(n + 1) / 10 for n in range(10)])
    assert rates[10:] == pytest.approx([(100 - n) / 100 for n in range(101)])


def test_constant_stays_and_a_long_warm_up_never_ends() -> None:
    assert {learning_rate_at(s, 9, params(schedule="constant", warmup_steps=0)) for s in range(9)} == {3e-3}
    assert learning_rate_at(4, 5, params(warmup_steps=100)) == pytest.approx(3e-3 * 5 / 100)


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_biases_and_norms_do_not_decay(model: DialogueModel, name: str, kind: type[torch.optim.Optimizer]) -> None:
    optimizer = build_optimizer(model, params(optimizer=name, weight_decay=0.05))
    assert type(optimizer) is kind
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {(p.dim() >= 2, decays[id(p)]) for p in model.parameters()} == {(True, 0.05), (False, 0.0)}
