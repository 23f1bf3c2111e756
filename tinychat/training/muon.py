"""Muon: the matrices of the layers move by orthogonal steps, all other weights by AdamW.

After Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024): the averaged gradient of a matrix
is replaced by the orthogonal matrix nearest to it, so that what is rare in it is learnt as fast as what is common. It
moves a matrix about as far as AdamW would (Liu et al., 2502.16982), so one learning rate does for both kinds.
"""

import math
from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor

MOMENTUM = 0.95
# Polynomials a x + b x³ + c x⁵ that are applied to the singular values one after the other, searched for: they bring
# all from 0.008 of the matrix's norm on to between 0.65 and 1.3. Of Jordan's one polynomial this takes three to four.
POLYNOMIALS = ((8.0179, -23.4519, 17.3305), (3.5942, -2.7579, 0.5544), (2.8780, -2.3703, 0.5811))
TYPICAL_STEP = 0.2  # an AdamW step's root mean square, as a share of the learning rate
# A matrix moves at every so many steps, so many times as far: its average hardly changes from one to the next, and to
# make it orthogonal took a quarter of a training step (docs/experiments.md). In a run of fewer steps some never move.
TURNS = 4


@dataclass(frozen=True)
class Matrix:
    """A weight (out, in) that is orthogonalised in so many blocks of rows: heads, which have nothing to do with each
    other, or one.
    """

    weight: torch.nn.Parameter
    blocks: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """Of a block."""
        rows, columns = self.weight.shape
        return rows // self.blocks, columns


class Muon(torch.optim.AdamW):
    """AdamW over the parameters in `groups`, Muon over the matrices, which are its last group and take turns.

    width       of the vectors that go through the layers
    precision   of the products that orthogonalise: bfloat16 where the training computes in it, else float32
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
        of_matrices = {"params": [matrix.weight for matrix in matrices], "weight_decay": weight_decay}
        super().__init__([*groups, of_matrices], lr=lr, betas=betas, fused=True)
        # By shape: so each turn has about as many of each, and computes them together.
        self.matrices = sorted(matrices, key=lambda matrix: matrix.shape)
        self.width, self.precision = width, precision

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all weights but the matrices whose turn it is not; each must have a gradient."""
        gradients = [matrix.weight.grad for matrix in self.matrices]
        self._step_of_matrices()
        for matrix in self.matrices:
            matrix.weight.grad = None  # AdamW passes over what has none
        super().step()
        for matrix, gradient in zip(self.matrices, gradients, strict=True):
            matrix.weight.grad = gradient

    def _step_of_matrices(self) -> None:
        for matrix in self.matrices:
            self._average(matrix.weight)
        step = int(self.state[self.matrices[0].weight]["step"])
        by_shape: dict[tuple[int, int], list[Matrix]] = defaultdict(list)
        for place, matrix in enumerate(self.matrices):
            if (step + place) % TURNS == 0:
                by_shape[matrix.shape].append(matrix)
        rate, decay = TURNS * self.param_groups[-1]["lr"], self.param_groups[-1]["weight_decay"]
        for (rows, columns), same in by_shape.items():
            averages = [self._with_a_second_look(matrix.weight).view(-1, rows, columns) for matrix in same]
            moves = orthogonal(torch.cat([each.to(self.precision) for each in averages]))
            # Of a matrix (width, width) the mean square of all numbers is 1 / width when its rows have length 1. One
            # that has more outputs than inputs moves its outputs as far (Jordan et al.).
            size = TYPICAL_STEP * math.sqrt(self.width) * math.sqrt(max(1.0, rows / columns))
            for matrix, move in zip(same, moves.split([matrix.blocks for matrix in same]), strict=True):
                matrix.weight.mul_(1 - rate * decay)
                matrix.weight.sub_(move.view_as(matrix.weight), alpha=rate * size)

    def _average(self, weight: torch.nn.Parameter) -> None:
        """Take the gradient into its average over the past steps."""
        state, gradient = self.state[weight], weight.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(weight)
            state["step"] = torch.tensor(0.0)  # torch's AdamW looks for it when a state is loaded
        state["step"] += 1
        state["momentum"].lerp_(gradient, 1 - MOMENTUM)

    def _with_a_second_look(self, weight: torch.nn.Parameter) -> Tensor:
        """The average, and the present gradient once more (Nesterov)."""
        average: Tensor = self.state[weight]["momentum"]
        gradient = weight.grad
        assert gradient is not None
        return gradient.lerp(average, MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """The matrices (n, rows, columns) with singular values of about 1, but for those that are next to none.

    In their precision; a row of zeros stays one.
    """
    norms = torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True, dtype=torch.float32)
    x = matrices / (norms + 1e-7).to(matrices.dtype)
    tall = x.shape[1] > x.shape[2]
    for linear, cubic, quintic in POLYNOMIALS:
        square = x.mT @ x if tall else x @ x.mT  # (n, m, m), m the shorter side
        factor = torch.baddbmm(square, square, square, beta=cubic, alpha=quintic)
        x = torch.baddbmm(x, x, factor, beta=linear) if tall else torch.baddbmm(x, factor, x, beta=linear)
    return x
