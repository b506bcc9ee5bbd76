"""Forward leaves its state on the class, so the next call overwrites what backward will read."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        Bad.x = x
        return x.cos()

    @staticmethod
    def backward(ctx, grad_output):
        return -grad_output * Bad.x.sin()


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.cos()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return -grad_output * x.sin()


def inputs():
    draw = torch.Generator().manual_seed(206)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
