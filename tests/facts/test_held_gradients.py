"""Gradients that are clamped on purpose far out are doubted; a branch that is wrong there is an error."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pytest_autograd import check


class Growth(Function):
    """An exponential whose gradient is bounded."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.exp(x)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.exp(x).clamp(max=5e2)


class Quartic(Function):
    """Its argument is clamped in backward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**4

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 4 * grad_output * x.clamp(-6, 6) ** 3


class Artanh(Function):
    """Kept off one, forward and backward."""

    @staticmethod
    def forward(ctx, x):
        inside = x.clamp(-1 + 1e-7, 1 - 1e-7)
        ctx.save_for_backward(x)
        return torch.atanh(inside)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / (1 - x.clamp(-1 + 1e-7, 1 - 1e-7).square())


class WrongSlope(Function):
    """Two slopes, of which backward knows another one far out."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 4, 4 + 3 * (x - 4), x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x > 4, 2 * grad_output, grad_output)


class MaskMissing(Function):
    """Flat far out, where backward goes on."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(-5, 5)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone()


class CutOff(Function):
    """Smooth everywhere, and far out no gradient at all."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * grad_output * x.square() * (x.abs() < 5)


def below_one() -> Tensor:
    return (0.9 * torch.tanh(normal(6).detach())).requires_grad_()


@pytest.mark.parametrize(
    ("function", "inputs"),
    [(Growth, lambda: normal(6)), (Quartic, lambda: normal(6)), (Artanh, below_one)],
)
def test_a_gradient_that_is_held_is_a_warning_with_the_declaration(function, inputs):
    report = check(function, inputs(), select=["AG104"])
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("AG104", "warning"), str(report)
    assert "held" in finding.message
    assert "domain=" in finding.fix
    assert "keep=" in finding.fix


@pytest.mark.parametrize("function", [WrongSlope, MaskMissing, CutOff])
def test_a_branch_that_is_wrong_is_an_error(function):
    report = check(function, normal(6), select=["AG104"])
    assert [f.severity for f in report.findings] == ["error"], str(report)
