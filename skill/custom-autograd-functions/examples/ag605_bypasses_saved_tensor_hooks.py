"""The input reaches backward in a closure, which offloading and checkpointing never see."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.pull_back = lambda grad_output: grad_output * 2 * x
        return x.square()

    @staticmethod
    def backward(ctx, grad_output):
        return ctx.pull_back(grad_output)


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x


def inputs():
    draw = torch.Generator().manual_seed(605)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
