"""A sum that runs in low precision is told, in many spellings; what eager torch loses there is ordinary rounding."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import Function

from pytest_autograd import check

HALVES = [torch.bfloat16, torch.float16]


def plain_sum(g):
    return g.sum(0)


def wide_sum(g):
    return g.double().sum(0).to(g.dtype)


def running_sum(g):
    total = torch.zeros_like(g[0])
    for row in g:
        total = total + row
    return total


def running_sum_in_place(g):
    total = g.new_zeros(g.shape[1:])
    for i in range(len(g)):
        total += g[i]
    return total


def running_sum_by_cumsum(g):
    parts = [g[0]]
    for row in g[1:].unbind():
        parts.append(parts[-1].add(row))
    return parts[-1]


def visible(x, b):
    return x + b


def opaque(x, b):
    """Leave autograd and torch: NumPy has no bfloat16."""
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    summed = x.detach().to(wide).numpy() + b.detach().to(wide).numpy()
    return torch.from_numpy(summed).to(x.dtype)


def bias(forward_of, sum_of):
    class Bias(Function):
        @staticmethod
        def forward(ctx, x, b):
            return forward_of(x, b)

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.clone(), sum_of(grad_output)

    return Bias


class Softmax(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.softmax(x, -1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return y * (grad_output - (grad_output * y).sum(-1, keepdim=True))


class LogSumExp(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.logsumexp(x, -1, keepdim=True)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * torch.exp(x - y)


class MeanOfSquares(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x * x).mean(0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x * (2 * grad_output / len(x))


class LayerNorm(Function):
    @staticmethod
    def forward(ctx, x):
        scale = (x.var(-1, unbiased=False, keepdim=True) + 1e-5).rsqrt()
        normal = (x - x.mean(-1, keepdim=True)) * scale
        ctx.save_for_backward(normal, scale)
        return normal

    @staticmethod
    def backward(ctx, grad_output):
        normal, scale = ctx.saved_tensors
        along = (grad_output * normal).mean(-1, keepdim=True)
        return scale * (grad_output - grad_output.mean(-1, keepdim=True) - normal * along)


def told(function, *arguments):
    """Return the codes on values at quick; first order and first sight only."""
    select = ["AG101", "AG103", "AG106", "AG108", "AG113"]
    return check(function, *arguments, level="quick", seed=3, select=select).codes


def drawn(*shape, dtype):
    return torch.randn(shape, generator=torch.Generator().manual_seed(2)).to(dtype).requires_grad_()


@pytest.mark.parametrize("forward_of", [visible, opaque])
@pytest.mark.parametrize("sum_of", [running_sum, running_sum_in_place, running_sum_by_cumsum])
def test_running_sum_in_bfloat16_is_told(forward_of, sum_of):
    x, b = (drawn(*shape, dtype=torch.bfloat16) for shape in ((1024, 4), (4,)))
    assert told(bias(forward_of, sum_of), x, b) == {"AG108"}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("forward_of", [visible, opaque])
@pytest.mark.parametrize("sum_of", [plain_sum, wide_sum])
@pytest.mark.parametrize("rows", [8, 1024, 65_536])
def test_sum_of_many_rows_is_ordinary_rounding(rows, sum_of, forward_of, dtype):
    if dtype == torch.float16 and rows == 65_536:
        pytest.skip("float16 ends at 65,504")
    x, b = drawn(rows, 2, dtype=dtype), drawn(2, dtype=dtype)
    assert told(bias(forward_of, sum_of), x, b) == set()


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("function", [Softmax, LogSumExp, MeanOfSquares, LayerNorm])
@pytest.mark.parametrize("shape", [(4, 8), (16, 512), (1024, 8)])
def test_eager_reductions_are_ordinary_rounding(shape, function, dtype):
    assert told(function, drawn(*shape, dtype=dtype)) == set()
