"""The loss of each target token."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinychat.tokenizer.chat import IGNORE_INDEX

# In bf16 the output layer computes a multiple of this many tokens: oneDNN compiles a primitive for each new shape.
BF16_TOKENS_STEP = 32


@dataclass(frozen=True)
class TokenLosses:
    """Of the N targets of a batch that carry loss, in the order of the batch.

    losses   (N,) fp32, nats
    logits   (N, V) fp32
    targets  (N,) int64
    """

    losses: Tensor
    logits: Tensor
    targets: Tensor

    def correct(self) -> Tensor:
        """(N,) bool: whether the likeliest token is the target."""
        return self.logits.detach().argmax(dim=1) == self.targets


def token_losses(model: nn.Module, inputs: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> TokenLosses:
    """The cross-entropy of each target; inputs and targets (B, T), IGNORE_INDEX where there is no target.

    Logits are computed only where there is a target. Only the model's `forward` is called, so that a wrapped model
    (DistributedDataParallel, torch.compile) works too.
    """
    device = next(model.parameters()).device
    ids, all_targets = (torch.from_numpy(array).to(device) for array in (inputs, targets))  # (B, T) each
    select = torch.nonzero(all_targets.flatten() != IGNORE_INDEX).squeeze(1)  # (N,)
    n = len(select)
    if torch.is_autocast_enabled(device.type):
        select = F.pad(select, (0, -n % BF16_TOKENS_STEP))  # repeats the first token; its logits are dropped
    logits = model(ids, select=select).float()  # (N or more, V)
    selected = all_targets.flatten()[select]
    return TokenLosses(F.cross_entropy(logits, selected, reduction="none")[:n], logits[:n], selected[:n])
