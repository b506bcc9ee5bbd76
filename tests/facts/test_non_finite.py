"""Gradients that are not finite where forward is."""

from __future__ import annotations

import torch
from torch.autograd import Function

from pytest_autograd import check


class RootOfMagnitude(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs().sqrt()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.sgn(x) / (2 * x.abs().sqrt())


def test_gradient_that_is_not_finite_on_a_kink_is_told() -> None:
    report = check(RootOfMagnitude, torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64))
    assert report.codes == {"AG111"}, str(report)
    assert "not finite there" in report.findings[0].message
