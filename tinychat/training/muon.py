"""Muon for the matrices of the layers, AdamW for all other weights.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024): the momentum of a matrix is replaced by
the nearest orthogonal matrix, so that rare directions are learnt as fast as common ones. Its update has the root mean
square of an AdamW update (Liu et al., 2502.16982), so that both share one learning rate.
"""

import math
from collections import defaultdict

import torch
from torch import Tensor

from tinychat.model.base import Matrix

MOMENTUM = 0.95
# Newton–Schulz coefficients (a, b, c) of a x + b x³ + c x⁵, different in each iteration as in Polar Express
# (2505.16932), found by search: three iterations map singular values above 0.008 of the matrix's norm to between 0.65
# and 1.3. With Jordan's single triple it takes three to four.
NEWTON_SCHULZ_COEFFICIENTS = (
    (8.0179, -23.4519, 17.3305),
    (3.5942, -2.7579, 0.5544),
    (2.8780, -2.3703, 0.5811),
)
UPDATE_RMS = 0.2  # of an AdamW update, in learning rates
# A matrix is updated every UPDATE_INTERVAL steps, with as many times the learning rate: its momentum hardly changes
# from one step to the next, and orthogonalisation took a quarter of a training step (docs/experiments.md). Matrices
# take turns; in a shorter run some are never updated.
UPDATE_INTERVAL = 4


class Muon(torch.optim.AdamW):
    """AdamW over the parameters in `groups`; Muon over the matrices, which are the last group.

    width       of the hidden state
    precision   of the Newton–Schulz iteration: bfloat16 where training uses it, else float32
    """

    def __init__(
        self,
        groups: list[dict[str, object]],
        matrices: list[Matrix],
        *,
        width: int,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
        precision: torch.dtype = torch.float32,
    ) -> None:
        matrix_group = {"params": [matrix.weight for matrix in matrices], "weight_decay": weight_decay}
        super().__init__([*groups, matrix_group], lr=lr, betas=betas, fused=True)
        # By shape, so that each step updates about as many of each shape, batched together.
        self.matrices = sorted(matrices, key=lambda matrix: matrix.shape)
        self.width, self.precision = width, precision

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update all weights, of the matrices only those whose turn it is; each must have a gradient."""
        gradients = [matrix.weight.grad for matrix in self.matrices]
        self._step_matrices()
        for matrix in self.matrices:
            matrix.weight.grad = None  # AdamW skips what has none
        super().step()
        for matrix, gradient in zip(self.matrices, gradients, strict=True):
            matrix.weight.grad = gradient

    def _step_matrices(self) -> None:
        for matrix in self.matrices:
            self._update_momentum(matrix.weight)
        step = int(self.state[self.matrices[0].weight]["step"])
        by_shape: dict[tuple[int, int], list[Matrix]] = defaultdict(list)
        for index, matrix in enumerate(self.matrices):
            if (step + index) % UPDATE_INTERVAL == 0:
                by_shape[matrix.shape].append(matrix)
        lr, decay = UPDATE_INTERVAL * self.param_groups[-1]["lr"], self.param_groups[-1]["weight_decay"]
        for (rows, columns), same in by_shape.items():
            momenta = [self._nesterov(matrix.weight).view(-1, rows, columns) for matrix in same]
            updates = orthogonalise(torch.cat([momentum.to(self.precision) for momentum in momenta]))
            # An orthogonal matrix (width, width) has a mean square of 1 / width. A matrix with more outputs than inputs
            # changes each output as much (Jordan et al.).
            scale = UPDATE_RMS * math.sqrt(self.width) * math.sqrt(max(1.0, rows / columns))
            for matrix, update in zip(same, updates.split([matrix.blocks for matrix in same]), strict=True):
                matrix.weight.mul_(1 - lr * decay)
                matrix.weight.sub_(update.view_as(matrix.weight), alpha=lr * scale)

    def _update_momentum(self, weight: torch.nn.Parameter) -> None:
        """Add the gradient to the momentum, an exponential moving average."""
        state, gradient = self.state[weight], weight.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(weight)
            state["step"] = torch.tensor(0.0)  # torch's AdamW expects it when a state is loaded
        state["step"] += 1
        state["momentum"].lerp_(gradient, 1 - MOMENTUM)

    def _nesterov(self, weight: torch.nn.Parameter) -> Tensor:
        """Nesterov momentum: the momentum, moved once more towards the gradient."""
        momentum: Tensor = self.state[weight]["momentum"]
        gradient = weight.grad
        assert gradient is not None
        return gradient.lerp(momentum, MOMENTUM)


def orthogonalise(matrices: Tensor) -> Tensor:
    """Newton–Schulz iteration: the matrices (n, rows, columns) with singular values near 1, except very small ones.

    In the precision of the input; a row of zeros stays zero.
    """
    norms = torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True, dtype=torch.float32)
    x = matrices / (norms + 1e-7).to(matrices.dtype)
    tall = x.shape[1] > x.shape[2]
    for a, b, c in NEWTON_SCHULZ_COEFFICIENTS:
        square = x.mT @ x if tall else x @ x.mT  # (n, m, m), m the shorter side
        polynomial = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, x, polynomial, beta=a) if tall else torch.baddbmm(x, polynomial, x, beta=a)
    return x
