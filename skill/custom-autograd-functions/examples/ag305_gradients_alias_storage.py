"""Both gradients are views of one tensor: clipping the first in place changes the second."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return (a + b).sin()

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        grad = grad_output * (a + b).cos()
        return grad.view_as(a), grad.view_as(b)


class Good(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return (a + b).sin()

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        grad = grad_output * (a + b).cos()
        return grad, grad.clone()


def inputs():
    draw = torch.Generator().manual_seed(305)
    a = torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    b = torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    return a, b
