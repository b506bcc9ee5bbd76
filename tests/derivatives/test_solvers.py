"""Solvers that stop by themselves: what their own tolerance explains is no proof, and what it does not is one."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pytest_autograd import check


class KeplerAnomaly(Function):
    """Solves ``e - 0.6 sin(e) = m`` by damped steps, roughly."""

    @staticmethod
    def forward(ctx, m):
        e = m.clone()
        while float((e - 0.6 * e.sin() - m).abs().max()) > 1e-3:
            e = m + 0.6 * e.sin()
        ctx.save_for_backward(e)
        return e

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (e,) = ctx.saved_tensors
        return grad_output / (1 - 0.6 * e.cos())


class WrongKeplerAnomaly(KeplerAnomaly):
    @staticmethod
    def backward(ctx, grad_output):
        (e,) = ctx.saved_tensors
        return grad_output / (1 - 0.5 * e.cos())


class LambertW(Function):
    """Newton's steps until they are small, counted by a ``for``."""

    @staticmethod
    def forward(ctx, x):
        w = torch.log1p(x)
        for _ in range(50):
            step = (w * w.exp() - x) / (w.exp() * (w + 1))
            w = w - step
            if float(step.abs().max()) < 0.1:
                break
        ctx.save_for_backward(w)
        return w

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (w,) = ctx.saved_tensors
        return grad_output / (w.exp() * (w + 1))


class WrongLambertW(LambertW):
    @staticmethod
    def backward(ctx, grad_output):
        (w,) = ctx.saved_tensors
        return grad_output / (w.exp() * w + 1)


def jacobi(a: Tensor, b: Tensor) -> Tensor:
    x = b / a.diagonal()
    while float((a @ x - b).norm()) > 2e-3 * float(b.norm()):
        x = x + (b - a @ x) / a.diagonal()
    return x


class JacobiSolve(Function):
    """The loop is in a function beside the class."""

    @staticmethod
    def forward(ctx, a, b):
        x = jacobi(a, b)
        ctx.save_for_backward(a, x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        a, x = ctx.saved_tensors
        back = torch.linalg.solve(a.mT, grad_output)
        return -torch.outer(back, x), back


class WrongJacobiSolve(JacobiSolve):
    @staticmethod
    def backward(ctx, grad_output):
        a, x = ctx.saved_tensors
        back = torch.linalg.solve(a, grad_output)
        return -torch.outer(back, x), back


class Branching(Function):
    """Another number of operations by a branch, and a gradient that is off by one percent."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin() if float(x.sum()) > 0 else x.sin() + 0 * x

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 1.01 * grad_output * x.cos()


def dominant() -> tuple[Tensor, Tensor]:
    a = normal(5, 5).detach() + 12 * torch.eye(5, dtype=torch.float64)
    return a.requires_grad_(), normal(5, seed=1)


def above_zero() -> Tensor:
    return (normal(6).detach().abs() + 0.3).requires_grad_()


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (KeplerAnomaly, lambda: (normal(6),)),
        (LambertW, lambda: (above_zero(),)),
        (JacobiSolve, dominant),
    ],
)
def test_what_the_tolerance_explains_is_no_error(function, inputs):
    report = check(function, *inputs(), level="quick")
    errors = [finding.code for finding in report.findings if finding.severity == "error"]
    assert errors == [], str(report)
    assert "tighten it" in report.summary or report.verdict == "verified"


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (WrongKeplerAnomaly, lambda: (normal(6),)),
        (WrongLambertW, lambda: (above_zero(),)),
        (WrongJacobiSolve, dominant),
        (Branching, lambda: (normal(6),)),
    ],
)
def test_what_it_does_not_explain_is_wrong(function, inputs):
    assert "AG101" in check(function, *inputs(), level="quick").codes
