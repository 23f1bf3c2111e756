"""The bag-of-words loss: all tokens of a reply are predicted at once, in no order, from two places.

From the hidden state with which the reply begins: its first token is often the same for many replies, and with this
loss the state there has to know what the reply is about (Zhao et al., 1703.10960). And from what the first layer reads
of the user's turn before the reply and of the bot's turn before that, each averaged as in a text classifier (Joulin et
al., 1607.01759): so each embedding learns which replies its token speaks for. The extra layers are dropped after
training.

B batch, T tokens in a sequence, D embed_dim, V vocabulary, R replies in a batch, N tokens of these replies.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinychat.batches.batching import Batch, PromptIds
from tinychat.batches.losses import BF16_TOKENS_STEP
from tinychat.model.base import LanguageModel
from tinychat.tokenizer.chat import IGNORE_INDEX

MODULE = "bag_of_words"  # its name in the model while that is trained


class BagOfWords:
    """The loss of one model, to which it adds linear layers."""

    def __init__(self, model: LanguageModel, marks: PromptIds) -> None:
        self.model, self.marks = model, marks
        width = model.config.embed_dim
        layers = [nn.Linear(width, width, device=model.device) for _ in range(3)]
        for layer in layers:
            nn.init.eye_(layer.weight)
            nn.init.zeros_(layer.bias)
        model.add_module(MODULE, nn.ModuleList(layers))
        self.of_user_turn, self.of_bot_turn, self.of_state = layers
        self._states: dict[int, Tensor] = {}  # (B, T, D) each, of the last forward pass: embeddings, the last layer's
        for number in (0, -1):
            model.get_submodule(model.states[number]).register_forward_hook(partial(self._keep, number))

    def _keep(self, number: int, module: nn.Module, _: Any, state: Tensor) -> None:
        if module.training:
            self._states[number] = state

    def loss(self, batch: Batch) -> Tensor:
        """The mean cross-entropy of all tokens of the replies, that of both places added up, after the forward pass of
        this batch.
        """
        begins, replies, tokens = reply_tokens_of(batch, self.marks)
        states, self._states = self._states, {}
        assert states, "no forward pass in training"
        embedded, hidden = (states[number].flatten(0, 1) for number in (0, -1))  # (B T, D)
        device = hidden.device
        if not len(begins):
            return torch.zeros((), device=device)
        user_turns, bot_turns = turns_before(begins, batch, self.marks)
        select = torch.from_numpy(begins).to(device)
        of_user, of_bot = (_means(embedded, turns) for turns in (user_turns, bot_turns))
        if torch.is_autocast_enabled(device.type):
            n = -len(begins) % BF16_TOKENS_STEP
            select, of_user, of_bot = F.pad(select, (0, n)), F.pad(of_user, (0, 0, 0, n)), F.pad(of_bot, (0, 0, 0, n))
        targets = torch.from_numpy(replies).to(device), torch.from_numpy(tokens).to(device)
        loss = torch.zeros((), device=device)
        for state in (self.of_user_turn(of_user) + self.of_bot_turn(of_bot), self.of_state(hidden[select])):
            logits = self.model.logits(state).float()  # (R or more, V)
            loss = loss - F.log_softmax(logits, dim=1)[targets].mean()
        return loss


def _means(embedded: Tensor, turns: npt.NDArray[np.int64]) -> Tensor:
    """The mean of the embeddings (B T, D) of each turn (R, 2): (R, D) fp32, zeros for one that is empty."""
    lengths = turns[:, 1] - turns[:, 0]
    begins = lengths.cumsum() - lengths
    places = np.arange(lengths.sum()) + np.repeat(turns[:, 0] - begins, lengths)
    places, begins = (torch.from_numpy(one).to(embedded.device) for one in (places, begins))
    return F.embedding_bag(places, embedded.float(), begins, mode="mean")


def turns_before(
    begins: npt.NDArray[np.int64], batch: Batch, marks: PromptIds
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the user's turn before each reply stands, and the bot's turn before that, (R, 2) each: the first token and
    the one behind it, as indices into all (B T) tokens. One that the sequence does not have is empty.
    """
    index = np.arange(batch.inputs.size).reshape(batch.inputs.shape)
    # The place of the last mark up to each token, plus 1, which is where its turn begins; 0 where there is none.
    user, bot = (
        np.maximum.accumulate(np.where(batch.inputs == mark, index + 1, 0), axis=1).reshape(-1)
        for mark in (marks.user, marks.bot)
    )
    of_user = user[begins]
    end = np.maximum(of_user - 1, 0)  # the user's mark, behind the bot's turn
    of_bot = np.where(of_user, bot[end], 0)
    return (
        np.stack([np.where(of_user, of_user, begins), begins], axis=1),
        np.stack([np.where(of_bot, of_bot, end), end], axis=1),
    )


def reply_tokens_of(
    batch: Batch, marks: PromptIds
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the replies begin (R,), as indices into all (B T) tokens; for each of their tokens the number of its reply
    (N,), and the token (N,).

    A reply that is no target, being the context of a later one, is left out.
    """
    place = np.arange(batch.inputs.shape[1])
    is_target = (batch.targets != IGNORE_INDEX) & ~batch.is_prompt  # (B, T)
    begins = (batch.inputs == marks.bot) & is_target
    is_mark = np.isin(batch.inputs, (marks.user, marks.bot))
    turn = np.maximum.accumulate(np.where(is_mark, place, 0), axis=1)  # (B, T): where the token's turn begins
    inside = (is_target & np.take_along_axis(begins, turn, axis=1)).reshape(-1)
    number = np.cumsum(begins.reshape(-1)) - 1
    return np.flatnonzero(begins), number[inside], batch.targets.reshape(-1)[inside]


def without_bag_of_words(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """These weights without those of the extra layers."""
    return {name: weight for name, weight in weights.items() if not name.startswith(f"{MODULE}.")}
