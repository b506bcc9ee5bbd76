"""Every call writes its output into one shared buffer, so a call changes the output of the last."""

import numpy
import torch
from torch.autograd import Function

_workspace = {}


def workspace(values):
    """Return the buffer for results of this shape, the same one each time."""
    key = values.shape, values.dtype
    return _workspace.setdefault(key, numpy.empty_like(values))


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        values = x.detach().numpy()
        return torch.from_numpy(numpy.exp(values, out=workspace(values)))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp()


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        values = x.detach().numpy()
        return torch.from_numpy(numpy.exp(values))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp()


def inputs():
    draw = torch.Generator().manual_seed(209)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
