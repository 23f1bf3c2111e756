import copy
from typing import Any

import pytest
import torch

from tinychat.model.base import Matrix
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.params.sections import TrainParams
from tinychat.training.muon import (
    MOMENTUM,
    NEWTON_SCHULZ_COEFFICIENTS,
    UPDATE_INTERVAL,
    UPDATE_RMS,
    Muon,
    orthogonalise,
)
from tinychat.training.optimizers import EMBEDDING_LR_MULTIPLIER, build_optimizer, learning_rate_at

from .conftest import DEFAULTS

SHAPE = ClassicConfig(vocab_size=50, embed_dim=24, n_layers=2, n_heads=3, ffn_dim=40, max_len=16)


def params(**changes: Any) -> TrainParams:
    return TrainParams(**{**DEFAULTS, "optimizer": "muon", "dropout": 0.0, **changes})


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3, 16, 64), (3, 64, 16), (2, 24, 24)])
def test_a_random_matrix_becomes_nearly_orthogonal(shape: tuple[int, int, int], precision: torch.dtype) -> None:
    matrices = random(*shape)
    found = orthogonalise(matrices.to(precision))
    assert found.dtype == precision
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    counted = values > 0.01 * matrices.norm(dim=(1, 2))[:, None]
    assert counted.float().mean() > 0.9
    new = torch.linalg.svdvals(found.float())
    assert new.max() < 1.35
    assert (new > 0.6).sum() >= counted.sum()
    nearest = left @ right
    assert (((found.float() - nearest).norm(dim=(1, 2)) / nearest.norm(dim=(1, 2))) < 0.35).all()


def test_the_polynomials_keep_what_they_promise() -> None:
    values = torch.linspace(0.0083, 1, 10_000, dtype=torch.float64)
    for a, b, c in NEWTON_SCHULZ_COEFFICIENTS:
        values = a * values + b * values**3 + c * values**5
    assert values.min() > 0.64
    assert values.max() < 1.31


def test_a_row_of_zeros_stays_one_and_no_gradient_is_no_step() -> None:
    matrices = random(1, 4, 8)
    matrices[0, 2] = 0
    assert (orthogonalise(matrices)[0, 2] == 0).all()
    assert (orthogonalise(torch.zeros(1, 4, 8)) == 0).all()


def blocks_of(matrix: Matrix, weight: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return weight.split(matrix.shape[0])


def test_a_step_is_what_its_description_says() -> None:
    """Each head, and each matrix that has none, alone, in plain products, over two turns of each."""
    torch.manual_seed(0)
    model = build_model(SHAPE)
    optimizer = build_optimizer(model, params(learning_rate=0.01, weight_decay=0.1))
    matrices = model.parameter_groups().matrices
    assert [(matrix.shape, matrix.blocks) for matrix in matrices] == 2 * [
        ((8, 24), 9),
        ((24, 24), 1),
        ((40, 24), 1),
        ((24, 40), 1),
    ]
    turns = {(8, 24): (0, 1), (24, 24): (2, 3), (24, 40): (0, 1), (40, 24): (2, 3)}  # of each layer, shapes in order
    places = [turns[matrix.shape][n // 4] for n, matrix in enumerate(matrices)]
    expected = [matrix.weight.detach().clone() for matrix in matrices]
    averages = [torch.zeros_like(weight) for weight in expected]
    for step in range(2 * UPDATE_INTERVAL):
        for n, parameter in enumerate(model.parameters()):
            parameter.grad = random(*parameter.shape, seed=100 * step + n)
        for n, matrix in enumerate(matrices):
            gradient = matrix.weight.grad
            assert gradient is not None
            averages[n] = MOMENTUM * averages[n] + (1 - MOMENTUM) * gradient
            if (step + 1 + places[n]) % UPDATE_INTERVAL:
                continue
            moved = []
            for part in blocks_of(matrix, MOMENTUM * averages[n] + (1 - MOMENTUM) * gradient):
                x = part / part.norm()
                for a, b, c in NEWTON_SCHULZ_COEFFICIENTS:
                    x = a * x + b * x @ x.T @ x + c * x @ x.T @ x @ x.T @ x
                moved.append(
                    x * UPDATE_INTERVAL * 0.01 * UPDATE_RMS * 24**0.5 * max(1, len(part) / part.shape[1]) ** 0.5
                )
            expected[n] = expected[n] * (1 - UPDATE_INTERVAL * 0.01 * 0.1) - torch.cat(moved)
        before = [matrix.weight.detach().clone() for matrix in matrices]
        optimizer.step()
        moves = [not torch.equal(old, matrix.weight) for old, matrix in zip(before, matrices, strict=True)]
        assert moves == [(step + 1 + place) % UPDATE_INTERVAL == 0 for place in places]
        assert all(parameter.grad is not None for parameter in model.parameters())
    for matrix, weight in zip(matrices, expected, strict=True):
        torch.testing.assert_close(matrix.weight.detach(), weight, atol=1e-5, rtol=0)


def test_in_bf16_a_step_is_nearly_the_same() -> None:
    moved = []
    for precision in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        model = build_model(SHAPE)
        before = [matrix.weight.detach().clone() for matrix in model.parameter_groups().matrices]
        optimizer = build_optimizer(model, params(learning_rate=0.01), precision)
        assert isinstance(optimizer, Muon)
        for n, parameter in enumerate(model.parameters()):
            parameter.grad = random(*parameter.shape, seed=n)
        for _ in range(UPDATE_INTERVAL):
            optimizer.step()
        moved.append(
            [m.weight.detach() - old for m, old in zip(model.parameter_groups().matrices, before, strict=True)]
        )
    for exact, rough in zip(*moved, strict=True):
        assert (exact - rough).norm() < 0.05 * exact.norm()


def test_a_step_is_about_as_large_as_adamws() -> None:
    model = build_model(SHAPE)
    matrices = model.parameter_groups().matrices
    before = [matrix.weight.detach().clone() for matrix in matrices]
    optimizer = build_optimizer(model, params(learning_rate=0.01, weight_decay=0.0))
    for n, parameter in enumerate(model.parameters()):
        parameter.grad = random(*parameter.shape, seed=n)
    for _ in range(UPDATE_INTERVAL):
        optimizer.step()
    for matrix, old in zip(matrices, before, strict=True):
        size = (matrix.weight.detach() - old).square().mean().sqrt().item() / UPDATE_INTERVAL
        assert UPDATE_RMS * 0.01 * 0.6 < size < UPDATE_RMS * 0.01 * 1.2


def test_all_other_weights_move_as_with_adamw_but_words_faster() -> None:
    models = []
    for name in ("muon", "adamw", "adamw, faster"):
        torch.manual_seed(0)
        model = build_model(SHAPE)
        p = params(optimizer=name.split(",")[0])
        optimizer = build_optimizer(model, p)
        for step in range(3):
            for group in optimizer.param_groups:
                factor = EMBEDDING_LR_MULTIPLIER if name == "adamw, faster" else group.get("lr_scale", 1.0)
                group["lr"] = learning_rate_at(step, 10, p) * factor
            for n, parameter in enumerate(model.parameters()):
                parameter.grad = random(*parameter.shape, seed=10 * step + n)
            optimizer.step()
        models.append(model)
    muon, adamw, faster = models
    elsewhere = {id(matrix.weight) for matrix in muon.parameter_groups().matrices} | {
        id(muon.input_layer.word_embedding.weight)
    }
    others = [(a, b) for a, b in zip(muon.parameters(), adamw.parameters(), strict=True) if id(a) not in elsewhere]
    assert len(others) == sum(1 for _ in muon.parameters()) - 9
    for mine, adamws in others:
        assert torch.equal(mine, adamws)
    assert torch.equal(muon.input_layer.word_embedding.weight, faster.input_layer.word_embedding.weight)
    assert not torch.equal(muon.input_layer.word_embedding.weight, adamw.input_layer.word_embedding.weight)


def test_its_state_can_be_put_away_and_taken_up() -> None:
    torch.manual_seed(0)
    model, other = build_model(SHAPE), build_model(SHAPE)
    first, second = (build_optimizer(m, params()) for m in (model, other))
    for n, parameter in enumerate(model.parameters()):
        parameter.grad = random(*parameter.shape, seed=n)
    first.step()
    other.load_state_dict(model.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for m, optimizer in ((model, first), (other, second)):
        for n, parameter in enumerate(m.parameters()):
            parameter.grad = random(*parameter.shape, seed=50 + n)
        for _ in range(UPDATE_INTERVAL):  # so that every matrix has moved
            optimizer.step()
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
