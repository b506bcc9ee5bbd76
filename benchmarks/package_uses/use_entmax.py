"""entmax: sparse alternatives to softmax, and their losses."""

import entmax
import pytest
import torch


@pytest.mark.parametrize(
    "name", ["sparsemax", "entmax15", "sparsemax_bisect", "entmax_bisect", "normmax_bisect"]
)
def test_map(name, draw):
    getattr(entmax, name)(draw(3, 6), dim=-1)


def test_budget(draw):
    entmax.budget_bisect(draw(3, 6), budget=2, dim=-1)


def test_learnt_alpha(draw):
    entmax.entmax_bisect(
        draw(3, 6), alpha=torch.full((3, 1), 1.3, dtype=torch.float64, requires_grad=True)
    )


@pytest.mark.parametrize(
    "name",
    [
        "SparsemaxLoss",
        "Entmax15Loss",
        "SparsemaxBisectLoss",
        "EntmaxBisectLoss",
        "NormmaxBisectLoss",
    ],
)
def test_loss(name, draw):
    getattr(entmax, name)()(draw(4, 6), torch.tensor([0, 5, 2, 2]))
