"""The gradient is inexact: backward uses 2 / sqrt(pi) rounded to five digits."""

import math

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.erf(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 1.1284 * (-x * x).exp()


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.erf(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 / math.sqrt(math.pi) * (-x * x).exp()


def inputs():
    draw = torch.Generator().manual_seed(113)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
