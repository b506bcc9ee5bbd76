"""The gradient of the (3, 1) row scale has shape (3,): the sum over columns dropped a dimension."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        return grad_output * scale, (grad_output * x).sum(dim=1)


class Good(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        return grad_output * scale, (grad_output * x).sum(dim=1, keepdim=True)


def inputs():
    draw = torch.Generator().manual_seed(401)
    x = torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    scale = torch.randn(3, 1, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, scale
