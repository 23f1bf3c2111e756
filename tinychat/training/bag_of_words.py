"""The bag-of-words loss: where a reply begins, the model also predicts all of its tokens at once, in no order.

The first token of a reply is often the same for many replies. With this loss the hidden state there has to know what
the reply is about (Zhao et al., 1703.10960). The extra layer is dropped after training.

B batch, T tokens in a sequence, D embed_dim, V vocabulary, R replies in a batch, N tokens of these replies.
"""

from collections.abc import Mapping
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
    """The loss of one model, to which it adds a linear layer."""

    def __init__(self, model: LanguageModel, marks: PromptIds) -> None:
        self.model, self.marks = model, marks
        self.layer = nn.Linear(model.config.embed_dim, model.config.embed_dim, device=model.device)
        nn.init.eye_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        model.add_module(MODULE, self.layer)
        self._hidden: Tensor | None = None
        model.get_submodule(model.states[-1]).register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, _: Any, hidden: Tensor) -> None:
        if module.training:
            self._hidden = hidden  # (B, T, D), of the last forward pass

    def loss(self, batch: Batch) -> Tensor:
        """The mean cross-entropy of all tokens of the replies, after the forward pass of this batch."""
        begins, replies, tokens = reply_tokens_of(batch, self.marks)
        hidden, self._hidden = self._hidden, None
        assert hidden is not None, "no forward pass in training"
        device = hidden.device
        if not len(begins):
            return torch.zeros((), device=device)
        select = torch.from_numpy(begins).to(device)
        if torch.is_autocast_enabled(device.type):
            select = F.pad(select, (0, -len(begins) % BF16_TOKENS_STEP))
        logits = self.model.logits(self.layer(hidden.flatten(0, 1)[select])).float()  # (R or more, V)
        log_probs = F.log_softmax(logits, dim=1)
        return -log_probs[torch.from_numpy(replies).to(device), torch.from_numpy(tokens).to(device)].mean()


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
    """These weights without those of the extra layer."""
    return {name: weight for name, weight in weights.items() if not name.startswith(f"{MODULE}.")}
