"""The indices into ``needs_input_grad`` are swapped: freeze x, and the scale gets no gradient."""

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
        grad_x = grad_scale = None
        if ctx.needs_input_grad[1]:
            grad_x = grad_output * scale
        if ctx.needs_input_grad[0]:
            grad_scale = (grad_output * x).sum(dim=0)
        return grad_x, grad_scale


class Good(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        grad_x = grad_scale = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output * scale
        if ctx.needs_input_grad[1]:
            grad_scale = (grad_output * x).sum(dim=0)
        return grad_x, grad_scale


def inputs():
    draw = torch.Generator().manual_seed(410)
    x = torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    scale = torch.randn(4, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, scale
