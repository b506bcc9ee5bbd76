"""Backward builds the gradient inside the saved output and so changes the output itself."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return y.mul_(1 - y).mul_(grad_output)


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return y * (1 - y) * grad_output


def inputs():
    draw = torch.Generator().manual_seed(302)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
