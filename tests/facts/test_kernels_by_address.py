"""Kernels that get addresses: nothing is tried on them that runs out of bounds, and their faults are still seen."""

from __future__ import annotations

import ctypes
from typing import ClassVar

import pytest
import torch
from corpus._case import normal
from torch import Tensor
from torch.autograd import Function

from pytest_autograd import check


def memory(tensor: Tensor) -> ctypes.Array:
    """Return the numbers at the address of a contiguous tensor, as a kernel sees them."""
    assert tensor.is_contiguous()
    number = {torch.float64: ctypes.c_double, torch.float32: ctypes.c_float}[tensor.dtype]
    return (number * tensor.numel()).from_address(tensor.data_ptr())


class Kernel(Function):
    """Notes whether each launch stays in bounds; one that does not would end the process."""

    in_bounds: ClassVar[list[bool]] = []

    @classmethod
    def launch(cls, safe: bool) -> bool:
        cls.in_bounds.append(bool(safe))
        return bool(safe)


class Product(Kernel):
    """Takes ``b`` to be as long as ``a``."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        a, b, out = a.contiguous(), b.contiguous(), torch.zeros(a.shape, dtype=a.dtype)
        if Product.launch(b.numel() >= a.numel()):
            memory(out)[:] = [p * q for p, q in zip(memory(a), memory(b), strict=False)]
        return out

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output * b, grad_output * a


class Chosen(Kernel):
    """Takes each label to lie within the row of scores."""

    @staticmethod
    def forward(ctx, scores, labels):
        ctx.save_for_backward(labels)
        ctx.shape = scores.shape
        rows, width = scores.shape
        out = scores.new_zeros(rows)
        places = [width * row + int(label) for row, label in enumerate(labels)]
        if Chosen.launch(len(places) == rows and all(p < width * rows for p in places)):
            held = scores.contiguous()
            memory(out)[:] = [memory(held)[p] for p in places]
        return out

    @staticmethod
    def backward(ctx, grad_output):
        (labels,) = ctx.saved_tensors
        empty = grad_output.new_zeros(ctx.shape)
        return empty.scatter(1, labels[:, None], grad_output[:, None]), None


class Gated(Kernel):
    """Takes the rows of ``both`` to be twice as long as those of ``scale``."""

    @staticmethod
    def forward(ctx, both, scale):
        ctx.save_for_backward(both, scale)
        rows, half = both.shape[0], scale.shape[1]
        out = both.new_zeros(rows, half)
        if Gated.launch(both.shape[1] == 2 * half and scale.shape[0] == rows):
            held = both.contiguous(), scale.contiguous()
            x, s = map(memory, held)
            for i in range(rows * half):
                row, column = divmod(i, half)
                left = 2 * half * row + column
                memory(out)[i] = x[left] * x[left + half] * s[i]
        return out

    @staticmethod
    def backward(ctx, grad_output):
        both, scale = ctx.saved_tensors
        left, right = both.chunk(2, 1)
        moved = grad_output * scale
        return torch.cat([moved * right, moved * left], 1), grad_output * left * right


@pytest.mark.parametrize(
    ("kernel", "inputs"),
    [
        (Product, (normal(3, 8), normal(3, 8))),
        (Chosen, (normal(3, 7), torch.tensor([6, 2, 4]))),
        (Gated, (normal(3, 8), normal(3, 4))),
    ],
)
def test_kernel_is_not_run_out_of_bounds(kernel: type[Kernel], inputs: tuple[Tensor, ...]) -> None:
    Kernel.in_bounds.clear()
    report = check(kernel, *inputs, gradgrad=False)
    assert report.verdict == "verified", str(report)
    assert Kernel.in_bounds
    assert all(Kernel.in_bounds)


def squares(x: Tensor) -> Tensor:
    held, out = x.contiguous(), torch.zeros(x.shape, dtype=x.dtype)
    memory(out)[:] = [value * value for value in memory(held)]
    return out


class TailForgotten(Function):
    """Walks the gradient in blocks of eight, and leaves the rest of the last one."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return squares(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = torch.zeros_like(x).reshape(-1)
        whole = x.numel() // 8 * 8
        grad[:whole] = (2 * x * grad_output).reshape(-1)[:whole]
        return grad.view_as(x)


class HalfForgotten(Function):
    """Walks the second half only where it is as long as it was in the test."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return squares(x)[:, : scale.shape[1]] * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        half = scale.shape[1]
        grad = torch.zeros_like(x)
        grad[:, :4] = (2 * x[:, :half] * scale * grad_output)[:, :4]
        return grad, grad_output * x[:, :half] ** 2


class RowsCounted(Function):
    """Divides by the number of rows that a matrix has, whatever it is given."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        rows = x.numel() // x.shape[-1]
        return squares(x) * weight / rows

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        moved = grad_output / (x.shape[0] if x.dim() > 1 else 1)
        grads = 2 * x * weight * moved, x * x * moved
        return grads[0], grads[1].reshape(-1, x.shape[-1]).sum(0)


@pytest.mark.parametrize(
    ("target", "inputs", "severity"),
    [
        (TailForgotten, (normal(2, 8),), "error"),
        (HalfForgotten, (normal(3, 8), normal(3, 4)), "error"),
        (RowsCounted, (normal(3, 5), normal(5)), "warning"),
    ],
)
def test_fault_of_a_kernel_at_another_size_is_seen(
    target: type[Function], inputs: tuple[Tensor, ...], severity: str
) -> None:
    report = check(target, *inputs, gradgrad=False)
    told = {finding.code: finding.severity for finding in report.findings}
    assert told["AG105"] == severity, str(report)
