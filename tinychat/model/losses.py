"""How well a model says what it should: the loss of each token that counts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from tinychat.model.classic import DialogueModel
from tinychat.tokenizer.chat import IGNORED

ROWS = (
    32  # in bf16 the output layer computes a multiple of so many places: a CPU makes its program for each number anew
)


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
    places = torch.nonzero(wanted.flatten() != IGNORED).squeeze(1)  # (N,)
    n = len(places)
    if torch.is_autocast_enabled(places.device.type):
        places = F.pad(places, (0, -n % ROWS))  # the first place once more, which nothing is made of
    logits = model.output_layer(model.hidden(ids).flatten(0, 1)[places]).float()  # (N or more, V)
    wanted = wanted.flatten()[places]
    return TokenLosses(F.cross_entropy(logits, wanted, reduction="none")[:n], logits[:n], wanted[:n])
