"""Backward leaves autograd for numpy and is not marked ``once_differentiable``.

Second order would show what follows from it (AG502); here the source alone gives it away.
"""

import numpy
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sinh()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_x = grad_output.detach().numpy() * numpy.cosh(x.detach().numpy())
        return torch.as_tensor(grad_x)


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sinh()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_x = grad_output.detach().numpy() * numpy.cosh(x.detach().numpy())
        return torch.as_tensor(grad_x)


def inputs():
    draw = torch.Generator().manual_seed(802)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)


bad_options = {"gradgrad": False}
