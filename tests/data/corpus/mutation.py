"""Right Functions that write in place where they may."""

import torch
from corpus._case import Case, normal
from torch.autograd import Function


class ReluInPlace(Function):
    @staticmethod
    def forward(ctx, x):
        x.clamp_(min=0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * (y > 0)


class ScaleInPlace(Function):
    """Changes its first argument only, and returns a second, new tensor as well."""

    @staticmethod
    def forward(ctx, x, factor):
        x.mul_(factor)
        ctx.mark_dirty(x)
        ctx.factor = factor
        return x, 2 * x

    @staticmethod
    def backward(ctx, grad_x, grad_double):
        return (grad_x + 2 * grad_double) * ctx.factor, None


class BuildsInPlace(Function):
    """Edits only tensors of its own, in forward and in backward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        y = x.clone()
        y.mul_(x).add_(1)
        return y.sqrt_()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = grad_output.clone()
        grad *= x
        grad /= (x * x + 1).sqrt()
        return grad


class FillsABuffer(Function):
    """Writes row by row into a gradient that it allocated."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.stack([row.square().sum() for row in x])

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = torch.empty_like(x)
        for i, row in enumerate(x):
            grad[i] = 2 * grad_output[i] * row
        return grad


CASES = {
    "relu_in_place": Case(ReluInPlace, lambda: (normal(3, 4),)),
    "scale_in_place": Case(ScaleInPlace, lambda: (normal(3, 4), 1.7)),
    "builds_in_place": Case(BuildsInPlace, lambda: (normal(3, 4),)),
    "fills_a_buffer": Case(FillsABuffer, lambda: (normal(3, 4),)),
}
