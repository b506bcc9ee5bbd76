"""The output is a view of the input: neither can be changed in place without harm to the other."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        return x.mT

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.mT


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        return x.mT.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.mT


def inputs():
    draw = torch.Generator().manual_seed(306)
    return (torch.randn(4, 3, dtype=torch.float64, generator=draw, requires_grad=True),)
