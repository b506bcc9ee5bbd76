"""Forward logs ``ctx.saved_tensors``, which is an empty tuple until backward runs."""

import logging

import torch
from torch.autograd import Function

log = logging.getLogger(__name__)


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        log.debug("saved for backward: %s", ctx.saved_tensors)
        return x.tan()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / x.cos().square()


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        log.debug("saved for backward: %s", x)
        return x.tan()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / x.cos().square()


def inputs():
    draw = torch.Generator().manual_seed(204)
    return (torch.rand(5, dtype=torch.float64, generator=draw, requires_grad=True),)
