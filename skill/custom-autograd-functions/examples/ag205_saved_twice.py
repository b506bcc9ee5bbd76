"""``save_for_backward`` is called twice: the second call replaces what the first one saved."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x)
        ctx.save_for_backward(y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y, grad_output * x


class Good(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y, grad_output * x


def inputs():
    draw = torch.Generator().manual_seed(205)
    x = torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True)
    y = torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, y
