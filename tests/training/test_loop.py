import math
from collections.abc import Callable

import pytest
import torch

from tinychat.errors import InputError, Interrupted
from tinychat.runtime import Runtime
from tinychat.training.interruption import StopSignals
from tinychat.training.loop import Trained, Trainer

from .conftest import SilentDisplay

Make = Callable[..., Trainer]


class StopAfter(SilentDisplay):
    """Asks the run to stop after a number of steps, as Ctrl-C would."""

    def __init__(self, stop: StopSignals, steps: int) -> None:
        super().__init__()
        self._stop, self._at = stop, steps

    def step(self, tokens: int, loss: float) -> None:
        super().step(tokens, loss)
        self._stop.requested = self.steps == self._at


def train(trainer: Trainer) -> Trained:
    return trainer.run(SilentDisplay(), StopSignals())


def same_weights(one: Trained, other: Trained) -> bool:
    return all(torch.equal(tensor, other.weights[name]) for name, tensor in one.weights.items())


@pytest.mark.parametrize("steps", [1, 2, 5, 6, 11])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_stopped_run_goes_on_to_the_same_weights(make_trainer: Make, steps: int, keep: str) -> None:
    expected = train(make_trainer(keep=keep))
    stop = StopSignals()
    with pytest.raises(Interrupted, match=f"step {steps} of .* goes on from there"):
        make_trainer(keep=keep).run(StopAfter(stop, steps), stop)
    torch.manual_seed(99)  # whatever happened in between
    resumed = make_trainer(keep=keep)
    assert resumed.resume()
    trained = train(resumed)
    assert same_weights(trained, expected)
    assert trained.history == expected.history


def test_the_same_seed_gives_the_same_weights_and_another_one_others(make_trainer: Make) -> None:
    one, two, other = (train(make_trainer(seed=seed)) for seed in (0, 0, 1))
    assert same_weights(one, two)
    assert not same_weights(one, other)


def test_training_lowers_the_loss(make_trainer: Make) -> None:
    history = train(make_trainer(epochs=30, schedule="constant")).history
    assert [row["epoch"] for row in history] == list(range(1, 31))
    assert history[-1]["train_loss"] < 0.3 * history[0]["train_loss"]
    assert history[-1]["valid_loss"] < history[0]["valid_loss"]


def test_patience_ends_the_run_and_the_best_weights_are_kept(make_trainer: Make) -> None:
    unlike = [("What is your name?", "8 9 7 6 !! ?? ,,")]
    trained = train(make_trainer(valid=unlike, epochs=60, patience=3, keep="best", schedule="constant"))
    losses = [row["valid_loss"] for row in trained.history]
    assert trained.stopped_early
    assert trained.kept_epoch == losses.index(min(losses)) + 1 == len(losses) - 3


def test_without_validation_the_last_weights_are_kept(make_trainer: Make) -> None:
    best, last = (train(make_trainer(valid=[], keep=keep, patience=1)) for keep in ("best", "last"))
    assert best.history[-1]["valid_loss"] is None
    assert best.kept_epoch == 4
    assert same_weights(best, last)


def test_a_diverging_run_says_what_to_change(make_trainer: Make) -> None:
    with pytest.raises(InputError, match=r"lower train\.learning_rate \(now 1e\+30\).*train\.grad_clip"):
        train(make_trainer(learning_rate=1e30, grad_clip=None, warmup_steps=0))


def test_bf16_learns_as_well(make_trainer: Make) -> None:
    bf16 = Runtime(device="cpu", precision="bf16", threads=1)
    losses = [train(make_trainer(epochs=20, runtime=runtime)).history[-1]["train_loss"] for runtime in (bf16,)]
    assert math.isfinite(losses[0])
    reference = train(make_trainer(epochs=20)).history[-1]["train_loss"]
    assert abs(losses[0] - reference) < 0.1 * reference


def test_lines_come_as_often_as_asked(make_trainer: Make) -> None:
    display = SilentDisplay()
    make_trainer(epochs=7, log_every=3).run(display, StopSignals())
    assert [line.split()[1] for line in display.lines] == ["1/7", "3/7", "6/7", "7/7"]


def test_a_damaged_snapshot_is_named(make_trainer: Make) -> None:
    trainer = make_trainer()
    trainer.store.folder.mkdir(parents=True)
    (trainer.store.folder / "snapshot.safetensors").write_bytes(b"half")
    with pytest.raises(InputError, match=r"snapshot\.safetensors: damaged .* remove it"):
        trainer.resume()


def test_batches_of_padding_do_not_change_the_loss(make_trainer: Make) -> None:
    small, large = (make_trainer(dropout=0, batch_tokens=tokens) for tokens in (1, 4096))
    assert small._validate() == pytest.approx(large._validate(), abs=1e-6)
