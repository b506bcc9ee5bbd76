"""Forward raises: the row means have lost a dimension and no longer broadcast against the rows."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        return x - x.mean(dim=1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output - grad_output.mean(dim=1, keepdim=True)


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        return x - x.mean(dim=1, keepdim=True)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output - grad_output.mean(dim=1, keepdim=True)


def inputs():
    draw = torch.Generator().manual_seed(1)
    return (torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True),)
