"""Beyond ``|x| = 1`` the gradient has lost its sign, and no element of the sample lies there."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x.abs() <= 1, x.square() / 2, x.abs() - 0.5)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.where(x.abs() <= 1, x, 1.0)


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x.abs() <= 1, x.square() / 2, x.abs() - 0.5)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.where(x.abs() <= 1, x, x.sign())


def inputs():
    draw = torch.Generator().manual_seed(104)
    x = torch.rand(6, dtype=torch.float64, generator=draw) - 0.5
    return (x.requires_grad_(),)
