"""gradcheck fails on right code: the cause that is named is one that was measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from corpus._case import normal
from torch.autograd import Function

from pytest_autograd import check


class Steep(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (3e5 * x).sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 3e5 * (3e5 * x).cos()


class OnAHighPlain(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x + 1e9

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x


class SingleInside(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.float().sin().double()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class SingleInNumpy(SingleInside):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        found = np.sin(x.detach().numpy().astype(np.float32))
        return torch.from_numpy(found.astype(np.float64))


@pytest.mark.parametrize(
    ("target", "cause", "mend"),
    [
        (
            Steep,
            "forward curves within its step: the difference quotient is off by",
            "a smaller eps",
        ),
        (
            OnAHighPlain,
            "rounding drowns its step: the difference quotient is off by",
            "a larger eps",
        ),
        (SingleInside, "forward rounds to 1e-07 inside", "'eps': 1e-2"),
        (SingleInNumpy, "rounding drowns its step", "a larger eps"),
    ],
)
def test_the_cause_is_named_with_its_numbers(target: type[Function], cause: str, mend: str) -> None:
    report = check(target, normal(4), gradgrad=False)
    assert report.verdict == "verified", str(report)
    (note,) = [finding for finding in report.findings if finding.code == "AG114"]
    assert note.severity == "note"
    assert cause in note.message
    assert mend in note.fix


def test_what_has_no_known_cause_is_a_warning() -> None:
    class Plain(SingleInside):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

    report = check(Plain, normal(4), gradgrad=False, gradcheck_options={"atol": 0.0, "rtol": 0.0})
    (finding,) = [finding for finding in report.findings if finding.code == "AG114"]
    assert finding.severity == "warning"
    assert finding.message.endswith("none of the known causes was found")
    assert "Nothing is wrong" not in finding.fix
