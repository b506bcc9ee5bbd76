"""Marked once_differentiable: a penalty on the gradient of f(x).sum() is dropped without an error."""

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
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
    draw = torch.Generator().manual_seed(503)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
