"""The optimizer and the learning rate of each step."""

import math

import torch

from tinychat.model.base import LanguageModel
from tinychat.params.sections import TrainParams
from tinychat.training.muon import Muon

BETA1 = 0.9
# With Muon, embeddings learn this much faster than other weights: a row has a gradient only where its token occurs, and
# most tokens are rare (docs/experiments.md).
EMBEDDING_LR_MULTIPLIER = 4.0
FINAL_SHARE = 0.1  # where the cosine ends, as a share of the learning rate


def build_optimizer(
    model: LanguageModel, params: TrainParams, precision: torch.dtype = torch.float32
) -> torch.optim.Optimizer:
    """Adam, AdamW or Muon over all weights; weight decay only on matrices, not on biases and norms.

    A group's learning rate is the step's times its `lr_scale`, where it has one.

    precision   what Muon computes its steps in
    """
    groups = model.parameter_groups()
    matrices, embeddings = (groups.matrices, groups.embeddings) if params.optimizer == "muon" else ([], [])
    elsewhere = {id(weight) for weight in (*embeddings, *(matrix.weight for matrix in matrices))}
    others = [p for p in model.parameters() if id(p) not in elsewhere]
    param_groups: list[dict[str, object]] = [
        {"params": [p for p in others if p.dim() >= 2], "weight_decay": params.weight_decay},
        {"params": [p for p in others if p.dim() < 2], "weight_decay": 0.0},
    ]
    lr, betas = params.learning_rate, (BETA1, params.beta2)
    if params.optimizer == "muon":
        width, decay = model.config.embed_dim, params.weight_decay
        param_groups.append({"params": embeddings, "weight_decay": decay, "lr_scale": EMBEDDING_LR_MULTIPLIER})
        return Muon(param_groups, matrices, width=width, lr=lr, betas=betas, weight_decay=decay, precision=precision)
    kind = torch.optim.AdamW if params.optimizer == "adamw" else torch.optim.Adam
    return kind(param_groups, lr=lr, betas=betas, fused=True)


def learning_rate_at(step: int, total_steps: int, params: TrainParams) -> float:
    """The learning rate of step `step` (from 0): a linear warm-up, then what the schedule says.

    It stays (constant), falls along a cosine to a tenth (cosine), or in a straight line to nothing (linear).
    """
    if step < params.warmup_steps:
        return params.learning_rate * (step + 1) / params.warmup_steps
    if params.schedule == "constant":
        return params.learning_rate
    if params.schedule == "linear":
        return params.learning_rate * (total_steps - step) / max(1, total_steps - params.warmup_steps)
    progress = (step - params.warmup_steps) / max(1, total_steps - 1 - params.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return params.learning_rate * (FINAL_SHARE + (1 - FINAL_SHARE) * cosine)
