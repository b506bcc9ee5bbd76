"""Channels are scaled and moved to the front; turned at the end of forward, the output is a view of a temporary."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return (x * scale).mT

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        grad = grad_output.mT
        return grad * scale, (grad * x).sum(0)


class Good(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x.mT * scale[:, None]

    backward = Bad.backward


def inputs():
    draw = torch.Generator().manual_seed(308)
    x = torch.randn(4, 3, generator=draw, dtype=torch.float64, requires_grad=True)
    return x, torch.randn(3, generator=draw, dtype=torch.float64, requires_grad=True)
