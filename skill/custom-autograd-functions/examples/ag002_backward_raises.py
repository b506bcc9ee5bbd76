"""Backward raises: ``ctx.saved_tensors`` is a tuple, also when one tensor was saved."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        x = ctx.saved_tensors
        return grad_output * x.cos()


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


def inputs():
    draw = torch.Generator().manual_seed(2)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
