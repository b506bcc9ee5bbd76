"""NumPy in backward cannot be differentiated again, and nothing says so."""

import numpy as np
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.arctan(x.numpy()))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.from_numpy(1 / (1 + x.numpy() ** 2))


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.arctan(x.numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.from_numpy(1 / (1 + x.numpy() ** 2))


def inputs():
    draw = torch.Generator().manual_seed(502)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)


bad_options = {"gradgrad": True}  # asked for by name: else a note
