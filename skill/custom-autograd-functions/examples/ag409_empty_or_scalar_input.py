"""Backward goes row by row, and an empty batch has no row to stack, though forward takes it."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.stack([g * row.cos() for g, row in zip(grad_output, x, strict=True)])


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
    draw = torch.Generator().manual_seed(409)
    return (torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True),)
