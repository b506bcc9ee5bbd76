"""``torch.func`` refuses this Function: its forward takes ctx, and there is no setup_context."""

import torch
from torch.autograd import Function


class Bad(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x


class Good(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.square()

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x


def inputs():
    draw = torch.Generator().manual_seed(603)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)


options = {"vmap": True}
