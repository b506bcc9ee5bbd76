"""Other sizes and other plain values: faults that the given ones hide, and none that are not there."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch import Tensor
from torch.autograd import Function

from pytest_autograd import check


class Batched(Function):
    @staticmethod
    def forward(ctx, q, k):
        ctx.save_for_backward(q, k)
        return q @ k.transpose(-1, -2)

    @staticmethod
    def backward(ctx, grad_output):
        q, k = ctx.saved_tensors
        return grad_output @ k, torch.einsum("bts,btd->bsd", grad_output, q).reshape(k.shape)


class Rotary(Function):
    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    @staticmethod
    def backward(ctx, grad_output):
        cos, sin = ctx.saved_tensors
        a, b = grad_output.chunk(2, -1)
        return torch.cat([a * cos + b * sin, b * cos - a * sin], -1), None, None


def angles() -> tuple[Tensor, Tensor]:
    angle = torch.arange(5)[:, None] * torch.tensor([0.3, 0.8], dtype=torch.float64)
    return angle.cos()[None, :, None], angle.sin()[None, :, None]


@pytest.mark.parametrize(
    ("target", "inputs"),
    [
        (Batched, (normal(1, 3, 4), normal(1, 5, 4))),
        (Rotary, (normal(2, 5, 3, 4), *angles())),
    ],
    ids=["a batch of one", "an even size"],
)
def test_sizes_that_happen_to_broadcast_are_no_fault(target, inputs) -> None:
    report = check(target, *inputs)
    assert report.verdict == "verified", str(report)


class AlphaForgotten(Function):
    @staticmethod
    def forward(ctx, x, alpha=1.0):
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, alpha * torch.expm1(x))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.where(x > 0, torch.ones_like(x), x.exp()), None


class FlagForgotten(Function):
    @staticmethod
    def forward(ctx, x, squared):
        ctx.save_for_backward(x)
        return x.sin() ** 2 if squared else x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos(), None


class PowerForgotten(Function):
    @staticmethod
    def forward(ctx, x, power):
        ctx.save_for_backward(x)
        return x**power

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * x, None


@pytest.mark.parametrize(
    ("target", "given", "told"),
    [
        (AlphaForgotten, 1.0, "with alpha=1.7 in place of 1.0"),
        (FlagForgotten, False, "with squared=True in place of False"),
        (PowerForgotten, 2, "with power=3 in place of 2"),
    ],
)
def test_fault_that_a_plain_value_hides_is_seen_at_another(target, given, told) -> None:
    report = check(target, normal(5), given)
    assert report.codes == {"AG104"}, str(report)
    assert told in report.findings[0].message


def test_optional_tensor_that_was_none_is_noted() -> None:
    class Optional(Function):
        @staticmethod
        def forward(ctx, x, weight=None):
            ctx.save_for_backward(x)
            return x * x if weight is None else x * x * weight

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return 2 * x * grad_output, None

    report = check(Optional, normal(4), None)
    assert any("weight was None" in finding.message for finding in report.findings)


def probabilities(x: Tensor, w: Tensor) -> Tensor:
    """Return what a kernel computes in float32 whatever it is given."""
    return (x.float() @ w.float().t()).softmax(-1)


class Surprise(Function):
    """The entropy of a softmax, in float32: at equal scores all terms of its gradient cancel."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        p = probabilities(x, w)
        return -(p * p.log()).sum(-1)

    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        p = probabilities(x, w)
        entropy = -(p * p.log()).sum(-1, keepdim=True)
        scores = -grad_output.unsqueeze(-1) * p * (p.log() + entropy)
        return (scores @ w.float()).to(x.dtype), (scores.t() @ x.float()).to(w.dtype)


class Missed(Function):
    """A cross entropy in float32 whose first class is the right one."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return -probabilities(x, w)[:, 0].log()

    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        scores = probabilities(x, w)
        scores[:, 0] -= 1
        scores = scores * grad_output.unsqueeze(-1)
        return (scores @ w.float()).to(x.dtype), (scores.t() @ x.float()).to(w.dtype)


class Spread(Function):
    """The logarithm of a power mean beside the mean, in float32."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        y = x.float()
        return y.exp().mean(-1).log() - y.mean(-1)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        y = x.float()
        return (grad_output.unsqueeze(-1) * (y.softmax(-1) - 1 / y.shape[-1])).to(x.dtype)


@pytest.mark.parametrize(
    ("target", "inputs"),
    [
        (Surprise, (normal(4, 6), normal(7, 6))),
        (Missed, (normal(4, 6), normal(7, 6))),
        (Spread, (normal(3, 7),)),
    ],
)
def test_rounding_where_all_terms_cancel_is_no_fault(target, inputs) -> None:
    report = check(target, *inputs, gradgrad=False)
    assert report.verdict == "verified", str(report)
    assert "AG104" not in report.codes


class MissedAtTies(Missed):
    """Forgets the label where all features are equal."""

    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        scores = probabilities(x, w)
        scores[:, 0] -= 0 if bool((x == x[:, :1]).all()) else 1
        scores = scores * grad_output.unsqueeze(-1)
        return (scores @ w.float()).to(x.dtype), (scores.t() @ x.float()).to(w.dtype)


def test_fault_at_ties_is_seen_beside_rounding() -> None:
    report = check(MissedAtTies, normal(4, 6), normal(7, 6), gradgrad=False, ignore="AG7")
    assert report.codes == {"AG104"}, str(report)


class LengthOfPoint(Function):
    """Of points in space: a fourth coordinate is not looked at."""

    @staticmethod
    def forward(ctx, p):
        ctx.save_for_backward(p)
        return p[..., 0] ** 2 + p[..., 1] ** 2 + p[..., 2] ** 2

    @staticmethod
    def backward(ctx, grad_output):
        (p,) = ctx.saved_tensors
        return 2 * p * grad_output[..., None]


class MeanOfPoint(LengthOfPoint):
    """Counts three, whatever the size is."""

    @staticmethod
    def forward(ctx, p):
        ctx.save_for_backward(p)
        return p.square().mean(-1)

    @staticmethod
    def backward(ctx, grad_output):
        (p,) = ctx.saved_tensors
        return 2 * p * grad_output[..., None] / 3


@pytest.mark.parametrize(
    ("function", "severity"), [(LengthOfPoint, "warning"), (MeanOfPoint, "error")]
)
def test_what_an_axis_has_more_may_have_no_meaning(function, severity):
    report = check(function, normal(5, 3), select=["AG105"])
    assert [finding.severity for finding in report.findings] == [severity], str(report)
