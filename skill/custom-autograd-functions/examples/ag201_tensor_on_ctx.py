"""The input is kept as an attribute of ctx, where nothing notices a later in-place change."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.x = x
        return x.square()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * 2 * ctx.x


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x


def inputs():
    draw = torch.Generator().manual_seed(201)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
