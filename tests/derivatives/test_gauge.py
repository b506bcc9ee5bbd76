"""Outputs that are a function up to a choice: not wrong where they are right but for it, and never confirmed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from corpus._case import normal
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pytest_autograd import check


def coin(x: Tensor) -> float:
    """Return 1 or -1, another one from point to point, as a library may choose signs."""
    return math.copysign(1.0, math.sin(1e10 * float(x.detach().abs().sum())))


class Direction(Function):
    """The unit vector along ``x``, in one sense or the other."""

    times = 1.0

    @staticmethod
    def forward(ctx, x):
        y = coin(x) * x / x.norm()
        ctx.save_for_backward(x, y)
        return y

    @classmethod
    def backward(cls, ctx, grad_output):
        x, y = ctx.saved_tensors
        sense = torch.sign(y @ x)
        return ctx.times * sense * (grad_output - y * (y @ grad_output)) / x.norm()


class Frame(Function):
    """The orthonormal factor of a QR decomposition whose columns have signs of their own."""

    times = 1.0

    @staticmethod
    def forward(ctx, a):
        q, r = torch.linalg.qr(a)
        ctx.save_for_backward(q * coin(a), r * coin(a))
        return q * coin(a)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        q, r = ctx.saved_tensors
        inner = -grad_output.mT @ q
        whole = grad_output + q @ (inner.tril() + inner.tril(-1).mT)
        return ctx.times * torch.linalg.solve_triangular(r, whole.mT, upper=True).mT


class NullSpace(Function):
    """An orthonormal basis of the null space, turned at random."""

    times = 1.0

    @staticmethod
    def basis(a: Tensor) -> Tensor:
        return torch.linalg.svd(a).Vh[a.shape[0] :].mT

    @classmethod
    def chosen(cls, a: Tensor) -> Tensor:
        found = cls.basis(a)
        turn = torch.randn(found.shape[1], found.shape[1], dtype=a.dtype)
        return found @ torch.linalg.qr(turn).Q

    @classmethod
    def forward(cls, ctx, a):
        y = NullSpace.chosen(a)
        ctx.save_for_backward(a, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        a, y = ctx.saved_tensors
        return -ctx.times * torch.linalg.pinv(a).mT @ grad_output @ y.mT


class PlainNullSpace(NullSpace):
    """As the library gives it, always the same."""

    @staticmethod
    def forward(ctx, a):
        y = NullSpace.basis(a)
        ctx.save_for_backward(a, y)
        return y


def twice(function: type[Any]) -> type[Function]:
    """Return the wrong twin, whose gradient is twice the right one."""

    class Twice(function):
        @staticmethod
        def backward(ctx, grad_output):
            ctx.times = 2.0
            return function.backward(ctx, grad_output)

    return Twice


def once(function: type[Any]) -> type[Function]:
    class Once(function):
        @staticmethod
        def backward(ctx, grad_output):
            ctx.times = 1.0
            return function.backward(ctx, grad_output)

    return Once


KINDS: list[tuple[type[Any], Callable[[], Tensor], str]] = [
    (Direction, lambda: normal(5), "signs"),
    (Frame, lambda: normal(5, 3), "signs"),
    (NullSpace, lambda: normal(2, 5), "basis"),
    (PlainNullSpace, lambda: normal(3, 6), "basis"),
]


@pytest.mark.parametrize(("function", "inputs", "word"), KINDS)
def test_a_choice_that_forward_makes_is_inconclusive_and_said(function, inputs, word):
    report = check(once(function), inputs(), level="quick")
    errors = [finding.code for finding in report.findings if finding.severity == "error"]
    assert (report.verdict, errors) == ("inconclusive", []), str(report)
    assert word in report.summary


@pytest.mark.parametrize(("function", "inputs", "word"), KINDS)
def test_what_is_wrong_but_for_the_choice_is_no_choice(function, inputs, word):
    report = check(twice(function), inputs(), level="quick")
    assert report.verdict != "verified", str(report)
    assert word not in report.summary
