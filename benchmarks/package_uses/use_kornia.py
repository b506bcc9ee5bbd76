"""kornia: the null space of the five-point solver, the target's log-probability of the focal loss."""

import torch
from kornia.geometry.epipolar.essential import _NullSpaceBasis
from kornia.losses.focal import _TargetLogSoftmax

TARGET = torch.tensor([[[[0, 2], [1, 1]]], [[[2, 2], [0, 1]]]])


def test_null_space(draw):
    _NullSpaceBasis.apply(draw(2, 6, 9))


def test_target_log_softmax(draw):  # focal_loss takes it for large batches only
    _TargetLogSoftmax.apply(draw(2, 3, 2, 2), TARGET, None)


def test_target_log_softmax_with_ignored_positions(draw):
    valid = torch.tensor([[[[True, True], [False, True]]], [[[True, False], [True, True]]]])
    _TargetLogSoftmax.apply(draw(2, 3, 2, 2), TARGET, valid)
