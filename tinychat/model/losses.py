"""How well a model says what it should: the loss of each token that counts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from tinychat.model.classic import DialogueModel
from tinychat.tokenizer.chat import IGNORED


@dataclass(frozen=True)
class TokenLosses:
    """Of the N tokens of a batch that carry loss, in the order of the batch.

    losses  (N,) fp32, nats
    logits  (N, V) fp32
    wanted  (N,) int64, the right tokens
    """

    losses: Tensor
    logits: Tensor
    wanted: Tensor

    def correct(self) -> Tensor:
        """(N,) bool: whether the likeliest token was the right one."""
        return self.logits.detach().argmax(dim=1) == self.wanted


def token_losses(model: DialogueModel, inputs: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> TokenLosses:
    """The cross-entropy of each target; (B, T) ids and targets, IGNORED where nothing is to be said.

    Logits are made only for places that have a target.
    """
    ids, wanted = (torch.from_numpy(array).to(model.device) for array in (inputs, targets))  # (B, T) each
    counted = wanted != IGNORED
    logits = model.output_layer(model.hidden(ids)[counted]).float()  # (N, V)
    wanted = wanted[counted]  # (N,)
    return TokenLosses(F.cross_entropy(logits, wanted, reduction="none"), logits, wanted)
