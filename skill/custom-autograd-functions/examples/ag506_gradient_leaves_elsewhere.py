"""The gradient of weight goes to ``weight.main_grad``, as fused accumulation does; one backward overwrites it."""

import torch
from torch import nn
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        ctx.main_grad = weight.main_grad
        return x @ weight.t()

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            ctx.main_grad.copy_(grad_output.t() @ x)
        return grad_output @ weight if ctx.needs_input_grad[0] else None, None


class Good(Function):
    forward = Bad.forward

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            ctx.main_grad.add_(grad_output.t() @ x)
        return grad_output @ weight if ctx.needs_input_grad[0] else None, None


def inputs():
    draw = torch.Generator().manual_seed(506)
    weight = nn.Parameter(torch.randn(3, 4, generator=draw, dtype=torch.float64))
    weight.main_grad = torch.zeros(3, 4, dtype=torch.float64)
    return torch.randn(5, 4, generator=draw, dtype=torch.float64, requires_grad=True), weight


also = {"AG506"}  # a note where the gradient is added, an error where it overwrites
