"""How well a model says what it should: the loss of each token that counts."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tinychat.batches.batching import IGNORED, Batch
from tinychat.model.classic import DialogueModel


@dataclass(frozen=True)
class TokenLosses:
    """Of the N tokens of a batch that carry loss, in the order of the batch.

    losses   (N,) fp32, nats
    correct  (N,) bool, whether the likeliest token was the right one
    """

    losses: Tensor
    correct: Tensor


def token_losses(model: DialogueModel, batch: Batch) -> TokenLosses:
    """The cross-entropy of each target; logits are made only for places that have one."""
    inputs = torch.from_numpy(batch.inputs).to(model.device)  # (B, T)
    targets = torch.from_numpy(batch.targets).to(model.device)  # (B, T)
    counted = targets != IGNORED
    logits = model.output_layer(model.hidden(inputs)[counted]).float()  # (N, V)
    wanted = targets[counted]  # (N,)
    return TokenLosses(F.cross_entropy(logits, wanted, reduction="none"), logits.detach().argmax(dim=1) == wanted)
