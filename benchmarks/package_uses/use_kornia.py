"""kornia: the null space of the five-point solver, focal loss."""

import torch
from kornia.geometry.epipolar.essential import _NullSpaceBasis
from kornia.losses import focal_loss


def test_null_space(draw):
    _NullSpaceBasis.apply(draw(2, 6, 9))


def test_focal_loss(draw):
    target = torch.tensor([[[0, 2], [1, 1]], [[2, 2], [0, 1]]])
    focal_loss(draw(2, 3, 2, 2), target, alpha=0.5, gamma=2.0, reduction="mean")


def test_focal_loss_with_ignored_positions(draw):
    target = torch.tensor([[[0, 2], [-100, 1]], [[2, 2], [0, -100]]])
    focal_loss(draw(2, 3, 2, 2), target, alpha=0.5, gamma=2.0, reduction="mean")
