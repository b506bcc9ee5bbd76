"""Forward reads its input in memory order, as a kernel with a bare pointer does."""

import torch
from torch.autograd import Function


def in_memory_order(tensor):
    """Return the elements as they lie in memory, whatever the strides."""
    return tensor.as_strided((tensor.numel(),), (1,))


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return in_memory_order(x).view(x.shape).sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return in_memory_order(x.contiguous()).view(x.shape).sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


def inputs():
    draw = torch.Generator().manual_seed(408)
    return (torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True),)
