"""The inner ``.backward()`` runs on through ``weight`` and adds to the ``.grad`` of its leaf."""

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Bad(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return torch.tanh(x * weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            y = torch.tanh(x * weight)
        y.backward(grad_output)
        return x.grad, grad_output * (1 - y.detach().square()) * x.detach()


class Good(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return torch.tanh(x * weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = (saved.detach().requires_grad_() for saved in ctx.saved_tensors)
        with torch.enable_grad():
            y = torch.tanh(x * weight)
        return torch.autograd.grad(y, (x, weight), grad_output)


def inputs():
    draw = torch.Generator().manual_seed(505)
    x = torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True)
    weight = torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, weight
