"""Backward asks a thread-local setting, which the engine's own threads do not have."""

import threading

import torch
from torch.autograd import Function

settings = threading.local()
settings.slope = 0.1  # set for the thread that imports this, and for no other


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, settings.slope * x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grad_output, settings.slope * grad_output)


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.slope = settings.slope
        return torch.where(x > 0, x, ctx.slope * x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grad_output, ctx.slope * grad_output)


def inputs():
    draw = torch.Generator().manual_seed(210)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)


options = {"level": "full"}
