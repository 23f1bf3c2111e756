"""The optimizer and the learning rate of each step."""

import math

import torch

from tinychat.params import TrainParams

BETA1 = 0.9
FINAL_SHARE = 0.1  # where the cosine ends, as a share of the learning rate


def build_optimizer(model: torch.nn.Module, params: TrainParams) -> torch.optim.Optimizer:
    """Adam or AdamW over all weights; weight decay only on matrices, not on biases and norms."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": params.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if params.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=params.learning_rate, betas=(BETA1, params.beta2), fused=True)


def learning_rate_at(step: int, total_steps: int, params: TrainParams) -> float:
    """The learning rate of step `step` (from 0): a linear warm-up, then constant or a cosine down to a tenth."""
    if step < params.warmup_steps:
        return params.learning_rate * (step + 1) / params.warmup_steps
    if params.schedule == "constant":
        return params.learning_rate
    progress = (step - params.warmup_steps) / max(1, total_steps - 1 - params.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return params.learning_rate * (FINAL_SHARE + (1 - FINAL_SHARE) * cosine)
