"""The optimizer and the learning rate of each step."""

import math

import torch

from tinychat.model.classic import DialogueModel
from tinychat.params import TrainParams
from tinychat.training.muon import Matrix, Muon

BETA1 = 0.9
# Beside Muon a word's vector learns so many times as fast as other weights: it has a gradient only where the word
# occurs, and most words are rare (docs/experiments.md).
WORDS_LEARN = 4.0
FINAL_SHARE = 0.1  # where the cosine ends, as a share of the learning rate


def build_optimizer(
    model: DialogueModel, params: TrainParams, precision: torch.dtype = torch.float32
) -> torch.optim.Optimizer:
    """Adam, AdamW or Muon over all weights; weight decay only on matrices, not on biases and norms.

    A group with a `factor` has so many times the learning rate: whoever sets the rate of a step multiplies by it.

    precision   what Muon computes its steps in
    """
    matrices = layer_matrices(model) if params.optimizer == "muon" else []
    words = [model.input_layer.word_embedding.weight] if params.optimizer == "muon" else []
    elsewhere = {id(weight) for weight in (*words, *(matrix.weight for matrix in matrices))}
    others = [p for p in model.parameters() if id(p) not in elsewhere]
    groups: list[dict[str, object]] = [
        {"params": [p for p in others if p.dim() >= 2], "weight_decay": params.weight_decay},
        {"params": [p for p in others if p.dim() < 2], "weight_decay": 0.0},
    ]
    lr, betas = params.learning_rate, (BETA1, params.beta2)
    if params.optimizer == "muon":
        width, decay = model.output_layer.in_features, params.weight_decay
        groups.append({"params": words, "weight_decay": decay, "factor": WORDS_LEARN})
        return Muon(groups, matrices, width=width, lr=lr, betas=betas, weight_decay=decay, precision=precision)
    kind = torch.optim.AdamW if params.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=lr, betas=betas, fused=True)


def layer_matrices(model: DialogueModel) -> list[Matrix]:
    """The matrices of the decoder layers; queries, keys and values are taken head by head."""
    return [
        Matrix(weight, 3 * model.n_heads if name.endswith("in_proj_weight") else 1)
        for name, weight in model.decoder_layers.named_parameters()
        if weight.dim() == 2
    ]


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
