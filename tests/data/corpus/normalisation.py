"""Right normalisation layers; each recomputes in backward what depends on its input."""

import torch
from corpus._case import Case, normal
from torch.autograd import Function


def standardise(x, dims, eps):
    """Return ``x`` with mean 0 and variance 1 over ``dims``, and the inverse deviation."""
    centred = x - x.mean(dims, keepdim=True)
    inverse = (centred.square().mean(dims, keepdim=True) + eps).rsqrt()
    return centred * inverse, inverse


def standardise_vjp(grad, unit, inverse, dims):
    """Return the VJP of :func:`standardise` for the cotangent ``grad`` of its first result."""
    mean = grad.mean(dims, keepdim=True)
    along = (grad * unit).mean(dims, keepdim=True)
    return inverse * (grad - mean - unit * along)


class LayerNorm(Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        return standardise(x, -1, eps)[0] * weight + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        unit, inverse = standardise(x, -1, ctx.eps)
        grad_x = standardise_vjp(grad_output * weight, unit, inverse, -1)
        return grad_x, (grad_output * unit).sum(0), grad_output.sum(0), None


class GroupNorm(Function):
    """Detached, the reshaped result is no view to autograd, and nothing is copied."""

    @staticmethod
    def forward(ctx, x, groups):
        ctx.groups = groups
        ctx.save_for_backward(x)
        grouped = x.reshape(x.shape[0], groups, -1)
        return standardise(grouped, -1, 1e-5)[0].reshape(x.shape).detach()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        shape = x.shape[0], ctx.groups, -1
        unit, inverse = standardise(x.reshape(shape), -1, 1e-5)
        grad = standardise_vjp(grad_output.reshape(shape), unit, inverse, -1)
        return grad.reshape(x.shape), None


class BatchNormTraining(Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        unit, _ = standardise(x, (0, 2), 1e-5)
        return unit * weight[:, None] + bias[:, None]

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        unit, inverse = standardise(x, (0, 2), 1e-5)
        grad_x = standardise_vjp(grad_output * weight[:, None], unit, inverse, (0, 2))
        return grad_x, (grad_output * unit).sum((0, 2)), grad_output.sum((0, 2))


class RmsNorm(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        inverse = (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        unit = x * inverse
        grad_unit = grad_output * weight
        grad_x = inverse * (grad_unit - unit * (grad_unit * unit).mean(-1, keepdim=True))
        return grad_x, (grad_output * unit).flatten(0, -2).sum(0)


class LayerNormOnce(Function):
    """Saves its statistics, as a kernel would, and says that it works once only."""

    @staticmethod
    def forward(ctx, x):
        unit, inverse = standardise(x, -1, 1e-5)
        ctx.save_for_backward(unit, inverse)
        return unit * 1

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_output):
        unit, inverse = ctx.saved_tensors
        return standardise_vjp(grad_output, unit, inverse, -1)


class UnitLength(Function):
    """Divides by the length, but never by less than ``eps``."""

    @staticmethod
    def forward(ctx, x, eps=1e-3):
        ctx.eps = eps
        ctx.save_for_backward(x)
        return x / x.norm(dim=1, keepdim=True).clamp(min=eps)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        length = x.norm(dim=1, keepdim=True)
        safe = length.clamp(min=ctx.eps)
        unit = x / safe
        along = (grad_output * unit).sum(1, keepdim=True) * (length > ctx.eps)
        return (grad_output - unit * along) / safe, None


CASES = {
    "layer_norm": Case(
        LayerNorm, lambda: (normal(3, 4), normal(4, seed=1), normal(4, seed=2), 1e-5)
    ),
    "group_norm": Case(GroupNorm, lambda: (normal(2, 4, 3), 2)),
    "batch_norm_training": Case(
        BatchNormTraining, lambda: (normal(3, 2, 4), normal(2, seed=1), normal(2, seed=2))
    ),
    "rms_norm": Case(RmsNorm, lambda: (normal(2, 3, 4), normal(4, seed=1))),
    "layer_norm_once_differentiable": Case(LayerNormOnce, lambda: (normal(3, 4),)),
    "unit_length": Case(UnitLength, lambda: (normal(3, 4),)),
}
