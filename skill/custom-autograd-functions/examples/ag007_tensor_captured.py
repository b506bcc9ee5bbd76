"""Forward reads a learnable tensor from the module's globals: it never gets a gradient."""

import torch
from torch.autograd import Function

SCALE = torch.tensor([0.5, 1.5, 2.5, 3.5], dtype=torch.float64, requires_grad=True)


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        return x * SCALE

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * SCALE


class Good(Function):
    """Callers still pass x alone; ``apply`` adds the tensor as an argument."""

    @classmethod
    def apply(cls, x):
        return super().apply(x, SCALE)

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        return grad_output * scale, grad_output * x


def inputs():
    draw = torch.Generator().manual_seed(7)
    return (torch.randn(4, dtype=torch.float64, generator=draw, requires_grad=True),)
