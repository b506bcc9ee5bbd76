"""Backward returns a gradient for ``scale``, which is a Python number: torch refuses it."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * ctx.scale, (grad_output * x).sum()


class Good(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.scale, None


def inputs():
    draw = torch.Generator().manual_seed(405)
    return torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True), 2.5
