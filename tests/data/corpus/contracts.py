"""Right Functions whose gradient is on purpose not that of forward, with what they promise."""

import torch
from corpus._case import Case, normal
from torch.autograd import Function


class RoundStraightThrough(Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class SignHardTanh(Function):
    """Binarises; the gradient is that of a hard tanh."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x.abs() < 1)


class Spike(Function):
    """A spiking neuron's threshold; the gradient is that of a steep sigmoid."""

    @staticmethod
    def forward(ctx, x, slope):
        ctx.save_for_backward(x)
        ctx.slope = slope
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(ctx.slope * x)
        return grad_output * ctx.slope * s * (1 - s), None


class ReverseGradient(Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return -ctx.strength * grad_output, None


class ScaledWeightGradient(Function):
    """A product whose second factor learns ten times slower."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output * weight, 0.1 * grad_output * x


class ClippedGradient(Function):
    """The identity, whose gradient is clipped."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clamp(-0.5, 0.5)


class Softplus(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, 0) + torch.log1p(torch.exp(-x.abs()))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.sigmoid(x)


CASES = {
    "straight_through_round": Case(
        RoundStraightThrough, lambda: (normal(3, 4),), {"surrogate": lambda x: x}
    ),
    "sign_as_hard_tanh": Case(
        SignHardTanh, lambda: (normal(3, 4),), {"surrogate": lambda x: x.clamp(-1, 1)}
    ),
    "spike": Case(
        Spike,
        lambda: (normal(3, 4), 4.0),
        {"surrogate": lambda x, slope: torch.sigmoid(slope * x)},
    ),
    "reversal_as_surrogate": Case(
        ReverseGradient, lambda: (normal(3, 4), 0.3), {"surrogate": lambda x, s: -s * x}
    ),
    "reversal_as_transform": Case(
        ReverseGradient, lambda: (normal(3, 4), 0.3), {"grad_transform": {"x": lambda g: -0.3 * g}}
    ),
    "scaled_weight_gradient": Case(
        ScaledWeightGradient,
        lambda: (normal(3, 4), normal(3, 4, seed=1)),
        {"grad_transform": {"weight": lambda g: 0.1 * g}},
    ),
    "clipped_gradient": Case(
        ClippedGradient,
        lambda: (normal(3, 4),),
        {"grad_transform": {"x": lambda g: g.clamp(-0.5, 0.5)}},
    ),
    "softplus_with_reference": Case(
        Softplus, lambda: (normal(3, 4),), {"reference": torch.nn.functional.softplus}
    ),
}
