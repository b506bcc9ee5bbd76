"""A solver's noise where zero is due is no wrong gradient; what is small and wrong is."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pytest_autograd import check

NOISE = 3e-9


class Centred(Function):
    """The shift drops out."""

    noise = NOISE

    @staticmethod
    def forward(ctx, x, shift):
        moved = x + shift
        return moved - moved.mean(-1, keepdim=True)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        inner = grad_output - grad_output.mean(-1, keepdim=True)
        return inner, Centred.noise * grad_output.sum(-1, keepdim=True)


class Softened(Function):
    """By a norm that is a number only nearly."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return torch.nn.functional.normalize(scale * x, dim=-1)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        length = x.norm(dim=-1, keepdim=True)
        y = x / length
        inner = (grad_output - (1 + NOISE) * y * (y * grad_output).sum(-1, keepdim=True)) / length
        return inner, (inner * x).sum() / scale


class Ratio(Function):
    """Of two sums, where a common factor drops out."""

    @staticmethod
    def forward(ctx, x, y, factor):
        ctx.save_for_backward(x, y)
        return (factor * x).sum() / (factor * y).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        by_x = grad_output * torch.ones_like(x) / y.sum()
        by_y = -grad_output * x.sum() / y.sum() ** 2 * torch.ones_like(y)
        return by_x, by_y, (by_x @ x + (1 - NOISE) * (by_y @ y)).reshape(1)


class LouderCentred(Centred):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        inner = grad_output - grad_output.mean(-1, keepdim=True)
        return inner, 1e-3 * grad_output.sum(-1, keepdim=True)


class Faint(Function):
    """The true gradient is small, and the one returned a tenth of it."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(y)
        return x + 1e-4 * y.square()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output, 2e-5 * grad_output * y


def number() -> torch.Tensor:
    return torch.full((1,), 1.3, dtype=torch.float64, requires_grad=True)


def above() -> torch.Tensor:
    return (normal(5, seed=2).detach().abs() + 1).requires_grad_()


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (Centred, lambda: (normal(3, 4), normal(3, 1, seed=1))),
        (Softened, lambda: (normal(3, 4), number())),
        (Ratio, lambda: (normal(5), above(), number())),
    ],
)
def test_noise_is_no_error(function, inputs):
    report = check(function, *inputs(), ignore=["AG106", "AG7"])
    errors = [finding.code for finding in report.findings if finding.severity == "error"]
    assert (report.verdict, errors) == ("verified", []), str(report)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (LouderCentred, lambda: (normal(3, 4), normal(3, 1, seed=1))),
        (Faint, lambda: (normal(5), normal(5, seed=1))),
    ],
)
def test_what_is_more_is_wrong(function, inputs):
    assert "AG101" in check(function, *inputs(), level="quick").codes
