"""Gradients are not materialized, and backward multiplies the ``None`` of an output nobody used."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos() - grad_cos * x.sin()


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        grad_x = torch.zeros_like(x)
        if grad_sin is not None:
            grad_x = grad_x + grad_sin * x.cos()
        if grad_cos is not None:
            grad_x = grad_x - grad_cos * x.sin()
        return grad_x


def inputs():
    draw = torch.Generator().manual_seed(406)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
