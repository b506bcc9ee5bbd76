"""Autograd derives this gradient by itself, and keeps no more for it: a plain function will do."""

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
        return grad_output * x.cos()


def Good(x):
    return x.sin()


def inputs():
    draw = torch.Generator().manual_seed(702)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)


options = {"select": "AG"}  # off unless selected
