"""The loss of each token that is to be predicted."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinychat.tokenizer.chat import IGNORED

# In bf16 the output layer computes a multiple of so many tokens: oneDNN compiles a primitive for each new shape.
BF16_TOKENS_STEP = 32


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


def token_losses(model: nn.Module, inputs: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> TokenLosses:
    """The cross-entropy of each target; (B, T) ids and targets, IGNORED where nothing is to be predicted.

    Logits are made only of tokens that have a target. It calls the model's `forward` and nothing else of it, so that
    what wraps a model (DistributedDataParallel, torch.compile) takes part.
    """
    device = next(model.parameters()).device
    ids, wanted = (torch.from_numpy(array).to(device) for array in (inputs, targets))  # (B, T) each
    select = torch.nonzero(wanted.flatten() != IGNORED).squeeze(1)  # (N,)
    n = len(select)
    if torch.is_autocast_enabled(device.type):
        select = F.pad(select, (0, -n % BF16_TOKENS_STEP))  # the first token again, whose logits are dropped
    logits = model(ids, select=select).float()  # (N or more, V)
    wanted = wanted.flatten()[select]
    return TokenLosses(F.cross_entropy(logits, wanted, reduction="none")[:n], logits[:n], wanted[:n])
