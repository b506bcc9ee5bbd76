"""Backward draws a new dropout mask instead of the one that forward used."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, p):
        keep = torch.rand_like(x) >= p
        ctx.p = p
        return x * keep / (1 - p)

    @staticmethod
    def backward(ctx, grad_output):
        keep = torch.rand_like(grad_output) >= ctx.p
        return grad_output * keep / (1 - ctx.p), None


class Good(Function):
    @staticmethod
    def forward(ctx, x, p):
        keep = torch.rand_like(x) >= p
        ctx.save_for_backward(keep)
        ctx.p = p
        return x * keep / (1 - p)

    @staticmethod
    def backward(ctx, grad_output):
        (keep,) = ctx.saved_tensors
        return grad_output * keep / (1 - ctx.p), None


def inputs():
    draw = torch.Generator().manual_seed(107)
    return torch.randn(12, dtype=torch.float64, generator=draw, requires_grad=True), 0.5
