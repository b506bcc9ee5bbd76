"""``Softplus.forward(x)`` runs forward as plain code: the stable backward is never used."""

import torch
from torch.autograd import Function


class Softplus(Function):
    @staticmethod
    def forward(x):
        return torch.log1p(x.exp())

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.sigmoid(x)


def Bad(x):
    return Softplus.forward(x)


def Good(x):
    return Softplus.apply(x)


def inputs():
    draw = torch.Generator().manual_seed(8)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
