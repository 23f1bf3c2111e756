import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tinychat.batches.batching import Batch
from tinychat.errors import InputError, Interrupted
from tinychat.runtime import Runtime
from tinychat.tokenizer.chat import IGNORE_INDEX
from tinychat.training import loop
from tinychat.training.interruption import StopSignals
from tinychat.training.loop import Trained, Trainer
from tinychat.training.optimizers import EMBEDDING_LR_MULTIPLIER, learning_rate_at

from .conftest import PAIRS, SilentDisplay

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


@pytest.mark.parametrize("steps", [2, 5, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 6, 11))])
@pytest.mark.parametrize(
    "changes",
    [
        {"keep": "last"},
        {"keep": "best"},
        {
            "optimizer": "muon",
            "schedule": "linear",
            "subword_embeddings": True,
            "cooccurrence_init": True,
            "induction_init": True,
            "embed_dim": 64,
            "prompt_loss_weight": 0.2,
            "bag_of_words_weight": 0.3,
        },
    ],
    ids=["last", "best", "muon"],
)
def test_a_stopped_run_goes_on_to_the_same_weights(make_trainer: Make, steps: int, changes: dict[str, Any]) -> None:
    expected = train(make_trainer(**changes))
    stop = StopSignals()
    with pytest.raises(Interrupted, match=f"step {steps} of .* resumes from there"):
        make_trainer(**changes).run(StopAfter(stop, steps), stop)
    torch.manual_seed(99)  # whatever happened in between
    resumed = make_trainer(**changes)
    assert resumed.resume()
    trained = train(resumed)
    assert same_weights(trained, expected)
    assert trained.history == expected.history


def test_a_token_of_the_user_counts_as_much_as_the_param_says(make_trainer: Make) -> None:
    trainer = make_trainer(prompt_loss_weight=0.25)
    inputs = np.ones((1, 5), np.int64)
    batch = Batch(inputs, np.array([[4, 5, IGNORE_INDEX, 6, 7]]), np.array([[True, True, False, False, False]]))
    losses = torch.tensor([1.0, 3.0, 10.0, 20.0])
    loss, of_replies = trainer._weighted(losses, batch, n_prompt_targets=2)
    assert loss.item() == 15 + 0.25 * (1 + 3) / 2
    assert of_replies.tolist() == [10, 20]
    loss, _ = trainer._weighted(losses, batch, n_prompt_targets=6)  # of which these two were drawn
    assert loss.item() == 15 + 0.25 * 3 * (1 + 3) / 2


def test_without_a_weight_the_users_tokens_are_no_targets(make_trainer: Make) -> None:
    plain, weighted = make_trainer(), make_trainer(prompt_loss_weight=0.25)
    assert plain._prompt_ids is None
    assert not same_weights(train(plain), train(weighted))
    losses = [trainer.progress.losses[0]["loss"] for trainer in (plain, weighted)]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)  # of replies alone


def test_the_same_seed_gives_the_same_weights_and_another_one_others(make_trainer: Make) -> None:
    one, two, other = (train(make_trainer(seed=seed)) for seed in (0, 0, 1))
    assert same_weights(one, two)
    assert not same_weights(one, other)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_training_lowers_the_loss(make_trainer: Make, optimizer: str) -> None:
    history = train(make_trainer(epochs=30, schedule="constant", optimizer=optimizer)).history
    assert [row["epoch"] for row in history] == list(range(1, 31))
    assert history[-1]["train_loss"] < 0.3 * history[0]["train_loss"]
    assert history[-1]["valid_loss"] < history[0]["valid_loss"]


def test_with_muon_word_vectors_have_four_times_the_learning_rate_at_each_step(make_trainer: Make) -> None:
    trainer = make_trainer(optimizer="muon", schedule="linear")
    words = trainer.model.input_layer.word_embedding.weight
    rates: list[tuple[set[float], set[float]]] = []

    class Noting(SilentDisplay):
        def step(self, tokens: int, loss: float) -> None:
            groups = trainer.optimizer.param_groups
            of_words = {group["lr"] for group in groups if any(p is words for p in group["params"])}
            rates.append((of_words, {group["lr"] for group in groups} - of_words))

    trainer.run(Noting(), StopSignals())
    expected = [learning_rate_at(step, trainer.total_steps, trainer.params) for step in range(trainer.total_steps)]
    assert [of_others for _, of_others in rates] == [{rate} for rate in expected]
    assert [of_words for of_words, _ in rates] == [{EMBEDDING_LR_MULTIPLIER * rate} for rate in expected]


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


@pytest.mark.slow
def test_bf16_learns_as_well(make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BF16_WIDTH_STEP", 1)  # the same batches as in fp32
    bf16 = Runtime(device="cpu", precision="bf16", threads=1)
    losses = [train(make_trainer(epochs=20, runtime=runtime)).history[-1]["train_loss"] for runtime in (bf16,)]
    assert math.isfinite(losses[0])
    reference = train(make_trainer(epochs=20)).history[-1]["train_loss"]
    assert abs(losses[0] - reference) < 0.1 * reference


def test_bf16_trains_on_batches_of_few_shapes(make_trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(epochs=1, runtime=Runtime(device="cpu", precision="bf16", threads=1))
    shapes: list[torch.Size] = []
    trainer.model.input_layer.register_forward_pre_hook(lambda _, ids: shapes.append(ids[0].shape))
    trainer.prompts.prompts.clear()  # answers are computed in fp32
    train(trainer)
    longest = max(trainer.train.longest, trainer.valid.longest) - 1
    assert shapes
    assert all(width % loop.BF16_WIDTH_STEP == 0 or width == longest for _, width in shapes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epochs", "printed"),
    [(7, [1, 2, 3, 4, 5, 6, 7]), (20, [*range(1, 21)]), (50, [1, *range(3, 49, 3), 50])],
)
def test_each_epoch_has_a_line_and_of_many_every_so_many(make_trainer: Make, epochs: int, printed: list[int]) -> None:
    display = SilentDisplay()
    make_trainer(epochs=epochs, valid=[]).run(display, StopSignals())
    assert [line.split("/")[0].split()[-1] for line in display.lines] == [str(epoch) for epoch in printed]


def test_a_damaged_snapshot_is_named(make_trainer: Make) -> None:
    trainer = make_trainer()
    trainer.store.folder.mkdir(parents=True)
    (trainer.store.folder / "snapshot.safetensors").write_bytes(b"half")
    with pytest.raises(InputError, match=r"snapshot\.safetensors: damaged .* remove it"):
        trainer.resume()


def test_how_validation_is_cut_into_batches_does_not_change_its_loss(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(valid=PAIRS[:4])
    lengths = [len(trainer.valid.tokens[a:b]) for a, b in itertools.pairwise(trainer.valid.offsets)]
    assert len(set(lengths)) > 2  # so that one batch of all has padding
    losses = []
    for tokens in (1, 4096):
        monkeypatch.setattr(loop, "VALIDATION_BATCH_TOKENS", tokens)
        losses.append(trainer._validate(StopSignals()))
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_the_gradient_is_cut_down_to_the_limit_before_each_step(make_trainer: Make) -> None:
    largest = {}
    for limit in (None, 0.25):
        trainer = make_trainer(grad_clip=limit)
        norms = gradient_norms_at_each_step(trainer)
        train(trainer)
        assert len(norms) == trainer.total_steps
        largest[limit] = max(norms)
    assert largest[None] > 1
    assert largest[0.25] == pytest.approx(0.25, rel=1e-3)


def gradient_norms_at_each_step(trainer: Trainer) -> list[float]:
    """A list that fills with the norm of the whole gradient as the optimizer gets it."""
    norms: list[float] = []

    def note(*_: object) -> None:
        gradients = [p.grad.norm() for p in trainer.model.parameters() if p.grad is not None]
        norms.append(float(torch.stack(gradients).norm()))

    trainer.optimizer.register_step_pre_hook(note)
    return norms


@pytest.mark.slow
def test_each_epoch_has_every_dialogue_once_in_another_order(make_trainer: Make) -> None:
    trainer = make_trainer(batch_tokens=1, valid=[])
    trainer.prompts.prompts.clear()
    seen: list[tuple[int, ...]] = []
    trainer.model.input_layer.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0][0].tolist())))
    train(trainer)
    epochs = [tuple(seen[start : start + len(PAIRS)]) for start in range(0, len(seen), len(PAIRS))]
    assert [sorted(epoch) for epoch in epochs] == [sorted(epochs[0])] * 4
    assert len(set(epochs)) == 4


def test_a_validation_loss_that_is_not_finite_ends_the_run(make_trainer: Make) -> None:
    trainer = make_trainer(keep="best")
    trainer.model.output_layer.register_forward_hook(
        lambda layer, _, logits: logits if layer.training else logits * math.nan
    )
    with pytest.raises(InputError, match=r"became nan at step .* lower train\.learning_rate"):
        train(trainer)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here: training on one stays untested")
@pytest.mark.parametrize("induction_init", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_on_a_gpu_learns_and_goes_on_to_the_same_weights(
    make_trainer: Make, precision: str, induction_init: bool
) -> None:
    gpu = Runtime(device="cuda", precision=precision, threads=1)
    changes = {"epochs": 10, "runtime": gpu, "induction_init": induction_init, "embed_dim": 64}
    expected = train(make_trainer(**changes))
    assert expected.history[-1]["train_loss"] < 0.5 * expected.history[0]["train_loss"]
    stop = StopSignals()
    with pytest.raises(Interrupted):
        make_trainer(**changes).run(StopAfter(stop, 5), stop)
    resumed = make_trainer(**changes)
    assert resumed.resume()
    assert same_weights(train(resumed), expected)
