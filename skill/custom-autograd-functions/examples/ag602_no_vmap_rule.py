"""``torch.vmap`` refuses this Function: it has no vmap rule and does not ask for a generated one."""

import torch
from torch.autograd import Function


class Bad(Function):
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
    draw = torch.Generator().manual_seed(602)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)


options = {"vmap": True}
