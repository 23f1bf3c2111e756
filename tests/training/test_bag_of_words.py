from typing import Any

import numpy as np
import pytest
import torch

from tests.model.rotary import RotaryConfig, registered
from tests.training.conftest import SilentDisplay
from tinychat.batches.batching import Batch, PromptIds
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import IGNORE_INDEX
from tinychat.training.bag_of_words import BagOfWords, reply_tokens_of, turns_before, without_bag_of_words
from tinychat.training.interruption import StopSignals

USER, BOT, NONE = 1, 2, IGNORE_INDEX
MARKS = PromptIds(USER, BOT)
# Two dialogues: one of two exchanges, of which the first is context only; and a short one with padding.
INPUTS = np.array([[1, 11, 2, 12, 3, 1, 13, 2, 14, 15], [1, 16, 2, 17, 0, 0, 0, 0, 0, 0]])
TARGETS = np.array([[NONE] * 7 + [14, 15, 3], [NONE, NONE, 17, 3] + [NONE] * 6])


def batch(targets: np.ndarray = TARGETS, is_prompt: np.ndarray | None = None) -> Batch:
    return Batch(INPUTS, targets, np.zeros(INPUTS.shape, bool) if is_prompt is None else is_prompt)


def test_each_token_of_a_reply_belongs_to_where_it_begins() -> None:
    begins, replies, tokens = reply_tokens_of(batch(), MARKS)
    assert begins.tolist() == [7, 12]
    assert replies.tolist() == [0, 0, 0, 1, 1]
    assert tokens.tolist() == [14, 15, 3, 17, 3]


def test_what_a_user_says_is_no_part_of_a_reply_though_it_is_a_target() -> None:
    is_prompt = np.zeros(INPUTS.shape, bool)
    is_prompt[:, 0] = is_prompt[0, 5:7] = True
    targets = TARGETS.copy()
    targets[is_prompt] = [11, 13, BOT, 16]
    found = reply_tokens_of(batch(targets, is_prompt), MARKS)
    for one, other in zip(found, reply_tokens_of(batch(), MARKS), strict=True):
        assert one.tolist() == other.tolist()


def test_where_every_token_is_a_target_a_reply_ends_with_its_turn() -> None:
    targets = np.where(INPUTS == 0, NONE, np.roll(INPUTS, -1, axis=1))
    begins, replies, tokens = reply_tokens_of(batch(targets), MARKS)
    assert begins.tolist() == [2, 7, 12]
    assert tokens[replies == 0].tolist() == [12, 3, USER]


def test_before_a_reply_stands_what_the_user_says_and_before_that_what_the_bot_said() -> None:
    inputs = np.array([[1, 11, 2, 12, 3, 1, 13, 16, 2, 14], [2, 17, 3, 1, 2, 18, 3, 0, 0, 0]])
    replies = np.array(
        [2, 8, 10, 14]
    )  # the third is said before the user says anything, the fourth after an empty turn
    flat = inputs.reshape(-1)
    of_user, of_bot = turns_before(replies, Batch(inputs, inputs, np.zeros(inputs.shape, bool)), MARKS)
    assert [flat[first:end].tolist() for first, end in of_user] == [[11], [13, 16], [], []]
    assert [flat[first:end].tolist() for first, end in of_bot] == [[], [12, 3], [], [17, 3]]


@pytest.mark.parametrize(("architecture", "autocast"), [("classic", False), ("rotary", False), ("classic", True)])
def test_the_loss_is_the_mean_cross_entropy_of_all_tokens_from_both_places(architecture: str, autocast: bool) -> None:
    torch.manual_seed(0)
    with registered():
        sizes = RotaryConfig(20, 32, 2, 4, 2, 64, 10_000, 16)
        model = build_model(sizes if architecture == "rotary" else ClassicConfig(20, 32, 2, 4, 64, 16), 0.0)
    words = BagOfWords(model, MARKS)
    for layer in (words.of_user_turn, words.of_bot_turn, words.of_state):
        torch.nn.init.normal_(layer.weight, std=0.1)
    model.train()
    states: dict[str, torch.Tensor] = {}
    for name in model.states:
        model.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: states.update({name: out}))
    model(torch.from_numpy(INPUTS))
    embeddings, last = states[model.states[0]], states[model.states[-1]]
    nothing = torch.zeros(model.config.embed_dim)
    from_embeddings, from_state = [], []
    for row, place, user, bot, reply in (
        (0, 7, embeddings[0, 6], embeddings[0, 3:5].mean(0), [14, 15, 3]),
        (1, 2, embeddings[1, 1], nothing, [17, 3]),
    ):
        log_probs = torch.log_softmax(model.logits(words.of_user_turn(user) + words.of_bot_turn(bot)), dim=0)
        from_embeddings += [-log_probs[token] for token in reply]
        log_probs = torch.log_softmax(model.logits(words.of_state(last[row, place])), dim=0)
        from_state += [-log_probs[token] for token in reply]
    expected = torch.stack(from_embeddings).mean() + torch.stack(from_state).mean()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        torch.testing.assert_close(words.loss(batch()), expected, rtol=1e-2 if autocast else 1e-5, atol=0)


def test_the_embeddings_learn_from_it_and_the_state_too() -> None:
    model = build_model(ClassicConfig(20, 32, 1, 4, 64, 16), 0.0)
    words = BagOfWords(model, MARKS)
    model.train()
    model(torch.from_numpy(INPUTS))
    states = dict(words._states)
    gradients = torch.autograd.grad(words.loss(batch()), [states[0], states[-1]])
    assert gradients[0][0, 6].abs().sum() > 0  # what the user says
    assert gradients[1][0].abs().sum(1).nonzero().flatten().tolist() == [7]  # where the reply begins


def test_a_reply_with_nothing_before_it_is_predicted_from_its_state_alone() -> None:
    model = build_model(ClassicConfig(20, 32, 1, 4, 64, 16), 0.0)
    words = BagOfWords(model, MARKS)
    model.train()
    inputs, targets = np.array([[2, 14, 15]]), np.array([[14, 15, 3]])
    model(torch.from_numpy(inputs))
    loss = words.loss(Batch(inputs, targets, np.zeros(inputs.shape, bool)))
    assert torch.isfinite(loss) and loss > 0
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


def test_a_batch_without_a_reply_has_no_loss() -> None:
    model = build_model(ClassicConfig(20, 32, 1, 4, 64, 16), 0.0)
    words = BagOfWords(model, MARKS)
    model.train()
    model(torch.from_numpy(INPUTS))
    assert words.loss(batch(np.full(INPUTS.shape, NONE))) == 0


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("keep", ["best", "last"])
def test_what_is_trained_has_the_weights_of_a_plain_model(
    make_trainer: Any, bpe: Tokenizer, optimizer: str, keep: str
) -> None:
    with StopSignals() as stop:
        trained = make_trainer(optimizer=optimizer, keep=keep, bag_of_words_weight=0.3).run(SilentDisplay(), stop)
        plain = make_trainer(optimizer=optimizer, keep=keep).run(SilentDisplay(), stop)
    assert trained.weights.keys() == plain.weights.keys() == without_bag_of_words(trained.weights).keys()
    assert not torch.equal(trained.weights["output_layer.weight"], plain.weights["output_layer.weight"])
    assert trained.history[0]["train_loss"] == pytest.approx(plain.history[0]["train_loss"], rel=0.1)  # without it
