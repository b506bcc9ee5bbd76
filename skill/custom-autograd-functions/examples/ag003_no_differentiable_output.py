"""No output is differentiable: the values are marked non-differentiable instead of the indices."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        values, indices = x.max(dim=1)
        ctx.mark_non_differentiable(values)
        ctx.save_for_backward(indices)
        ctx.shape = x.shape
        return values, indices

    @staticmethod
    def backward(ctx, grad_values, _):
        (indices,) = ctx.saved_tensors
        zeros = grad_values.new_zeros(ctx.shape)
        return zeros.scatter(1, indices.unsqueeze(1), grad_values.unsqueeze(1))


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        values, indices = x.max(dim=1)
        ctx.mark_non_differentiable(indices)
        ctx.save_for_backward(indices)
        ctx.shape = x.shape
        return values, indices

    @staticmethod
    def backward(ctx, grad_values, _):
        (indices,) = ctx.saved_tensors
        zeros = grad_values.new_zeros(ctx.shape)
        return zeros.scatter(1, indices.unsqueeze(1), grad_values.unsqueeze(1))


def inputs():
    draw = torch.Generator().manual_seed(3)
    return (torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True),)
