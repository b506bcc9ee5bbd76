"""One cause is one finding, whatever calls a Function and however often."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch import Tensor, nn
from torch.autograd import Function

from pytest_autograd import check


class CoarseSine(Function):
    """Rounds its gradient to bfloat16 in float32."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        gradient = grad_output * x.cos()
        return gradient.bfloat16().float() if x.dtype == torch.float32 else gradient


class TwiceSine(CoarseSine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * x.cos()


@torch.library.custom_op("distinct::cube", mutates_args=())
def cube(x: Tensor) -> Tensor:
    return x**3


@cube.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


cube.register_autograd(
    lambda ctx, grad: 2 * grad * ctx.saved_tensors[0] ** 2,
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


def four_sizes(x: Tensor) -> Tensor:
    return torch.cat([CoarseSine.apply(x[:k]) for k in (1, 2, 3, 4)])


def two_wrong(x: Tensor) -> Tensor:
    return TwiceSine.apply(x[:3]).sum() + TwiceSine.apply(x).sum()


def two_cubes(x: Tensor) -> Tensor:
    return cube(x).sum() + cube(x[:2]).sum()


class Inside(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return two_wrong(x)


@pytest.mark.parametrize(
    ("target", "function", "code"),
    [
        (four_sizes, "CoarseSine", "AG108"),
        (two_wrong, "TwiceSine", "AG101"),
        (Inside(), "TwiceSine", "AG101"),
        (two_cubes, "distinct::cube", "AG101"),
    ],
)
def test_it_is_told_once_and_of_the_function_inside(target, function, code):
    report = check(target, normal(4), ignore=["AG7"])
    told = [(f.function, f.code) for f in report.findings if f.severity != "note"]
    assert told == [(function, code)], str(report)


class TwoArguments(Function):
    """Both gradients are wrong, which are two findings."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return 2 * grad_output * y, 3 * grad_output * x


def both(x: Tensor, y: Tensor) -> Tensor:
    return TwoArguments.apply(x, y) + TwoArguments.apply(x[:2], y[:2]).sum()


def test_two_causes_are_two_findings():
    report = check(both, normal(4), normal(4, seed=1), select=["AG101"])
    told = [(f.function, f.evidence.argument) for f in report.findings]
    assert told == [("TwoArguments", "x"), ("TwoArguments", "y")], str(report)
