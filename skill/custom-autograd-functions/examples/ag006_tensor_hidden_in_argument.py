"""The weights come in a list, where autograd does not see them: they never get a gradient."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, weights):
        ctx.save_for_backward(*weights)
        return sum(x * weight for weight in weights)

    @staticmethod
    def backward(ctx, grad_output):
        return sum(grad_output * weight for weight in ctx.saved_tensors), None


class Good(Function):
    """Callers still pass a list; ``apply`` spreads it."""

    @classmethod
    def apply(cls, x, weights):
        return super().apply(x, *weights)

    @staticmethod
    def forward(ctx, x, *weights):
        ctx.save_for_backward(x, *weights)
        return sum(x * weight for weight in weights)

    @staticmethod
    def backward(ctx, grad_output):
        x, *weights = ctx.saved_tensors
        grad_x = sum(grad_output * weight for weight in weights)
        return grad_x, *(grad_output * x for _ in weights)


def inputs():
    draw = torch.Generator().manual_seed(6)
    x, *weights = (torch.randn(5, dtype=torch.float64, generator=draw) for _ in range(3))
    return x.requires_grad_(), [weight.requires_grad_() for weight in weights]
