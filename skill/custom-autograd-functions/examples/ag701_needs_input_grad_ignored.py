"""Backward computes both matrix products, although one input may want no gradient."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight.t()

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output @ weight, grad_output.t() @ x


class Good(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight.t()

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output @ weight if ctx.needs_input_grad[0] else None
        grad_weight = grad_output.t() @ x if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight


def inputs():
    draw = torch.Generator().manual_seed(701)
    x = torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    weight = torch.randn(2, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, weight
