"""How long a training is, where params.yaml leaves it to the amount of data."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import DEFAULTS
from tinychat.params.sections import TrainParams
from tinychat.training.epochs import FEWEST_STEPS, choose_length, resolve


def params(**changes: Any) -> TrainParams:
    return TrainParams(**{**DEFAULTS, "epochs": "auto", "warmup_steps": 70, "batch_tokens": 1024, **changes})


def test_the_starter_corpus_has_two_epochs(repo: Path) -> None:
    committed = json.loads((repo / "reports/prepare/metrics.json").read_text(encoding="utf-8"))["train"]
    tokens = committed["tokens_with_loss"]
    length = choose_length(params(), tokens, 1077)
    assert (length.epochs, length.reason, length.steps) == (2, "amount_of_data", 2154)
    # A topic more or less, or ones own rows beside it, change nothing.
    assert {choose_length(params(), round(tokens * part), 1077).epochs for part in (0.9, 1.05, 1.43, 2)} == {2}


# Pairs of songys, tokens with loss, batches of an epoch; what was measured: exact from the first, not from the second.
MEASURED = [
    pytest.param(542, 2, 40, 20, id="40"),
    pytest.param(1_090, 4, 20, 10, id="100"),
    pytest.param(3_406, 10, 12, 8, id="400"),
    pytest.param(7_692, 21, 10, 6, id="1000"),
    pytest.param(26_509, 70, 6, 4, id="4000"),
    pytest.param(79_705, 208, 5, 4, id="11723"),
]


@pytest.mark.parametrize(("tokens", "steps_per_epoch", "exact", "not_exact"), MEASURED)
def test_an_amount_of_data_has_the_epochs_that_learn_it_and_few_more(
    tokens: int, steps_per_epoch: int, exact: int, not_exact: int
) -> None:
    epochs = choose_length(params(), tokens, steps_per_epoch).epochs
    assert not_exact < epochs
    assert exact <= epochs <= exact * 1.3


def test_forty_rows_need_a_quarter_of_the_steps_of_two_hundred_epochs() -> None:
    length = choose_length(params(), 542, 2)
    assert (length.epochs, length.steps, length.reason) == (50, 100, "fewest_steps")
    assert "auto → 50 for 542 tokens to learn (the fewest that make 100 steps), 100 steps" in length.text()


def test_more_data_never_has_more_epochs_and_a_million_dialogues_have_one() -> None:
    found = [choose_length(params(), tokens, tokens // 600 + 1).epochs for tokens in range(100, 30_000_000, 50_000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 1


@pytest.mark.parametrize("steps_per_epoch", [1, 3, 7, 1000])
def test_however_large_a_batch_is_there_are_enough_steps(steps_per_epoch: int) -> None:
    assert choose_length(params(), 10_000_000, steps_per_epoch).steps >= FEWEST_STEPS


def test_a_number_is_taken_as_it_is() -> None:
    length = choose_length(params(epochs=3), 542, 2)
    assert (length.epochs, length.reason) == (3, "given")
    assert resolve(params(epochs=3), length).epochs == 3


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (10, 2), (100, 20), (350, 70), (2154, 70)])
def test_the_warm_up_is_at_most_a_fifth_of_the_training(steps: int, warmup: int) -> None:
    given = params(epochs=1)
    assert resolve(given, choose_length(given, 5, steps)).warmup_steps == warmup


def test_too_small_a_number_is_warned_of_with_what_auto_would_take() -> None:
    length = choose_length(params(epochs=5), 542, 2)
    assert length.warning(examples=40) == (
        "warning: 10 steps in all are few for 40 examples: raise train.epochs in params.yaml (now 5), or take auto, "
        "which gives 50"
    )
    assert choose_length(params(epochs=50), 542, 2).warning(examples=40) == ""
    assert choose_length(params(epochs=100), 5, 1).warning(examples=1) == ""  # the article's one sentence
    assert choose_length(params(), 542, 2).warning(examples=40) == ""


def test_what_the_training_runs_with_has_no_auto_in_it() -> None:
    length = choose_length(params(), 542, 2)
    resolved = resolve(params(), length)
    assert "auto" not in resolved.model_dump().values()
    assert resolved.epochs * length.steps_per_epoch == math.prod((50, 2))
