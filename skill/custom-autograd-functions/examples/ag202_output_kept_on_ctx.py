"""The output is kept as an attribute of ctx: output, graph node and ctx keep each other alive."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.y = y
        return y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.y


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y


def inputs():
    draw = torch.Generator().manual_seed(202)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
