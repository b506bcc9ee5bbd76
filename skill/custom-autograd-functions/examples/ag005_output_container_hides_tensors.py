"""The second output sits in a list, where autograd does not look: it never requires grad."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), [x.cos()]

    @staticmethod
    def backward(ctx, grad_sin, _):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos()


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos() - grad_cos * x.sin()


def inputs():
    draw = torch.Generator().manual_seed(5)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
