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
from tinychat.training.bag_of_words import BagOfWords, reply_tokens_of, without_bag_of_words
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


@pytest.mark.parametrize("architecture", ["classic", "rotary"])
def test_the_loss_is_the_mean_cross_entropy_of_all_tokens_where_the_reply_begins(architecture: str) -> None:
    torch.manual_seed(0)
    with registered():
        sizes = RotaryConfig(20, 32, 1, 4, 2, 64, 10_000, 16)
        model = build_model(sizes if architecture == "rotary" else ClassicConfig(20, 32, 1, 4, 64, 16), 0.0)
        words = BagOfWords(model, MARKS)
        torch.nn.init.normal_(words.layer.weight, std=0.1)
        model.train()
        model(torch.from_numpy(INPUTS), select=torch.tensor([0]))
        hidden = model.hidden(torch.from_numpy(INPUTS))
        expected = []
        for (row, place), reply in {(0, 7): [14, 15, 3], (1, 2): [17, 3]}.items():
            log_probs = torch.log_softmax(model.logits(words.layer(hidden[row, place])), dim=0)
            expected += [-log_probs[token] for token in reply]
        torch.testing.assert_close(words.loss(batch()), torch.stack(expected).mean())


def test_a_batch_without_a_reply_has_no_loss() -> None:
    model = build_model(ClassicConfig(20, 32, 1, 4, 64, 16), 0.0)
    words = BagOfWords(model, MARKS)
    model.train()
    model(torch.from_numpy(INPUTS))
    assert words.loss(batch(np.full(INPUTS.shape, NONE))) == 0


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
