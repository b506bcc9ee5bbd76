"""Backward returns ``None`` for the learnable scale, which therefore never learns."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        _, scale = ctx.saved_tensors
        return grad_output * scale, None


class Good(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        return grad_output * scale, (grad_output * x).sum(dim=0)


def inputs():
    draw = torch.Generator().manual_seed(103)
    x = torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    scale = torch.randn(4, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, scale
