"""Other points and sizes go through the callable that its callers use: what it prepares and refuses holds there."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from corpus._case import normal
from torch import Tensor, nn
from torch.autograd import Function

from pytest_autograd import check


class HalvesSwapped(Function):
    """Right for an even number of columns in memory order."""

    @staticmethod
    def forward(ctx, x):
        half = x.shape[-1] // 2
        flat = torch.as_strided(x, x.shape, (x.shape[-1], 1), x.storage_offset())
        return torch.cat([flat[:, half:], flat[:, :half]], -1)

    @staticmethod
    def backward(ctx, grad_output):
        half = grad_output.shape[-1] // 2
        return torch.cat([grad_output[:, half:], grad_output[:, :half]], -1)


class Reciprocal(Function):
    """Wrong for small arguments, which the callables never pass."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 1 / x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return -grad_output / x.square().clamp_min(0.25)


def swapped(x: Tensor) -> Tensor:
    if x.shape[-1] % 2:
        raise ValueError("give an even number of columns")
    return HalvesSwapped.apply(x.contiguous())


def softened(x: Tensor) -> Tensor:
    return Reciprocal.apply(1 + x.square())


class Softened(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return softened(x)


def test_the_function_alone_is_red() -> None:
    assert "AG104" in check(Reciprocal, normal(6) + 3).codes
    assert "AG408" in check(HalvesSwapped, normal(3, 4)).codes


@pytest.mark.parametrize(
    ("target", "inputs"),
    [(swapped, (normal(3, 4),)), (softened, (normal(6),)), (Softened(), (normal(6),))],
)
def test_behind_what_prepares_its_arguments_it_is_right(target: Any, inputs: tuple) -> None:
    report = check(target, *inputs)
    errors = [finding.code for finding in report.findings if finding.severity != "note"]
    assert (report.verdict, errors) == ("verified", []), str(report)


class WrongForNegatives(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, 0.3 * x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.where(x > 0, 1.0, 0.1)


@pytest.mark.parametrize("wrap", [lambda x: WrongForNegatives.apply(x) * 2, WrongForNegatives])
def test_what_its_callers_can_pass_is_told(wrap: Any) -> None:
    positive = normal(6).detach().abs().add(0.1).requires_grad_()
    report = check(wrap, positive)
    assert [f.code for f in report.findings if f.severity == "error"] == ["AG104"], str(report)
