"""The short cut for compiled code takes 1 - |y| for the derivative of tanh, which is 1 - y^2."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        if torch.compiler.is_compiling():
            return grad_output * (1 - y.abs())
        return grad_output * (1 - y * y)


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * (1 - y * y)


def inputs():
    draw = torch.Generator().manual_seed(606)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)


options = {"compile": True}
