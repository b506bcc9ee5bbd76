"""What a forward of few digits hides, and gradients wrong in the dtype that was given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from corpus._case import normal
from torch.autograd import Function

from pytest_autograd import check


def rough(factor: float) -> type[Function]:
    """Return a Function whose forward is exact to 3e-7 only, and whose gradient is ``factor`` times the right one."""

    class Rough(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            values = x.detach().numpy()
            return torch.from_numpy(np.sin(values) + 3e-7 * np.sin(1e6 * values))

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return factor * grad_output * torch.cos(x)

    return Rough


def test_rough_forward_is_inconclusive_with_the_reason_and_not_wrong() -> None:
    report = check(rough(1.0), normal(5))
    assert report.verdict == "inconclusive", str(report)
    assert "tighten its tolerance" in report.summary
    assert "AG101" in check(rough(2.0), normal(5)).codes


class RightInFloat64Only(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (3 if x.dtype == torch.float64 else 2) * x**2 * grad_output


@pytest.mark.parametrize("level", ["quick", "full"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradient_wrong_in_the_given_dtype_only_is_an_error(dtype, level) -> None:
    report = check(RightInFloat64Only, normal(5, dtype=dtype), level=level)
    assert report.verdict == "failed", str(report)
    assert report.codes == {"AG108"}
    assert "the dtype given" in report.findings[0].message
