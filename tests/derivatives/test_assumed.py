"""Arguments that nobody asked the gradient of: no tensor of the call requires grad."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch import Tensor
from torch.autograd import Function

from pytest_autograd import check


def plain(*shape: int, seed: int = 0) -> Tensor:
    return normal(*shape, seed=seed).detach()


class ToTarget(Function):
    """The target is a constant to it."""

    @staticmethod
    def forward(ctx, x, target):
        ctx.save_for_backward(x, target)
        return (x - target).square().sum()

    @staticmethod
    def backward(ctx, grad_output):
        x, target = ctx.saved_tensors
        return 2 * grad_output * (x - target), None


class OnGrid(Function):
    """Refuses a grid that requires grad."""

    @staticmethod
    def forward(ctx, values, grid):
        if grid.requires_grad:
            raise ValueError("the grid is fixed")
        ctx.save_for_backward(grid)
        return values * grid.cos()

    @staticmethod
    def backward(ctx, grad_output):
        (grid,) = ctx.saved_tensors
        return grad_output * grid.cos(), None


class Standardised(Function):
    """Two constants, one refused and one without a gradient."""

    @staticmethod
    def forward(ctx, x, mean, scale):
        if mean.requires_grad:
            raise ValueError("means are counted, not learnt")
        ctx.save_for_backward(scale)
        return (x - mean) * scale

    @staticmethod
    def backward(ctx, grad_output):
        (scale,) = ctx.saved_tensors
        return grad_output * scale, None, None


def through_a_callable(x: Tensor, target: Tensor) -> Tensor:
    return ToTarget.apply(x, target)


@pytest.mark.parametrize(
    ("target", "inputs", "codes"),
    [
        (ToTarget, (plain(5), plain(5, seed=1)), {"AG103"}),
        (OnGrid, (plain(5), plain(5, seed=1)), set()),
        (Standardised, (plain(5), plain(5, seed=1), plain(5, seed=2)), {"AG103"}),
        (through_a_callable, (plain(5), plain(5, seed=1)), {"AG103"}),
    ],
)
def test_what_nobody_asked_for_is_a_warning_at_most(target, inputs, codes):
    report = check(target, *inputs, level="quick", ignore=["AG7"])
    assert (report.verdict, report.codes) == ("verified", codes), str(report)
    assert all(finding.severity != "error" for finding in report.findings)


@pytest.mark.parametrize(
    ("function", "code"), [(ToTarget, "AG103"), (OnGrid, "AG001"), (Standardised, "AG001")]
)
def test_what_was_asked_for_is_an_error(function, code):
    count = 3 if function is Standardised else 2
    inputs = [normal(5, seed=i) for i in range(count)]
    report = check(function, *inputs, level="quick")
    assert code in {f.code for f in report.findings if f.severity == "error"}, str(report)


class AllRefused(OnGrid):
    @staticmethod
    def forward(ctx, values, grid):
        if values.requires_grad or grid.requires_grad:
            raise ValueError("nothing is differentiated here")
        return values * grid


def test_a_forward_that_refuses_each_of_them_raises():
    report = check(AllRefused, torch.ones(3), torch.ones(3), level="quick")
    assert "AG001" in report.codes
