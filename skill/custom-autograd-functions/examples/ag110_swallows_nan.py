"""Backward replaces NaN by 0, so a fault further up the graph trains on unnoticed."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.atan()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.nan_to_num(grad_output / (1 + x * x))


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.atan()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / (1 + x * x)


def inputs():
    draw = torch.Generator().manual_seed(110)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
