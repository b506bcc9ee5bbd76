"""Backward uses up the list on ctx: a second pass over the same graph finds it empty."""

import torch
from torch.autograd import Function


class Bad(Function):
    """Scale ``x`` by each factor in turn."""

    @staticmethod
    def forward(ctx, x, factors):
        ctx.factors = list(factors)
        for factor in factors:
            x = x * factor
        return x

    @staticmethod
    def backward(ctx, grad_output):
        while ctx.factors:
            grad_output = grad_output * ctx.factors.pop()
        return grad_output, None


class Good(Function):
    """Scale ``x`` by each factor in turn."""

    @staticmethod
    def forward(ctx, x, factors):
        ctx.factors = list(factors)
        for factor in factors:
            x = x * factor
        return x

    @staticmethod
    def backward(ctx, grad_output):
        for factor in reversed(ctx.factors):
            grad_output = grad_output * factor
        return grad_output, None


def inputs():
    draw = torch.Generator().manual_seed(307)
    x = torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, (2.0, 0.5, 3.0)
