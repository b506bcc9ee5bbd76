"""Callables that reach Functions whose gradient is declared: that hides no fault, theirs or of others."""

from __future__ import annotations

import torch
from catalogue._mode import FULL, Mode, matrix, normal, two_vectors, vector
from torch import Tensor, nn
from torch.autograd import Function

from pytest_autograd import declare


class Rounded(Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone()


declare(Rounded, surrogate=lambda x: x * 1)


class RoundedTwice(Rounded):
    """Gives twice what is declared of it."""

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output


declare(RoundedTwice, surrogate=lambda x: x * 1)


class Fires(Function):
    @staticmethod
    def forward(ctx, potential, sharpness):
        ctx.save_for_backward(potential)
        ctx.sharpness = sharpness
        return potential.gt(0).to(potential.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        (potential,) = ctx.saved_tensors
        s = torch.sigmoid(ctx.sharpness * potential)
        return grad_output * ctx.sharpness * s * (1 - s), None


declare(Fires, surrogate=lambda potential, sharpness: torch.sigmoid(sharpness * potential))


class StochasticallyRounded(Function):
    @staticmethod
    def forward(ctx, x):
        return torch.floor(x + torch.rand_like(x))

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * 1


declare(StochasticallyRounded, surrogate=lambda x: x + 0)


class Reversed(Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return -grad_output


declare(Reversed, surrogate=lambda x: -x)


class Codes(Function):
    """Two outputs, one of them integers."""

    @staticmethod
    def forward(ctx, x, levels):
        codes = torch.clamp(torch.round(x), -levels, levels)
        ctx.save_for_backward(x)
        ctx.levels = levels
        indices = codes.to(torch.int64) + levels
        ctx.mark_non_differentiable(indices)
        return codes, indices

    @staticmethod
    def backward(ctx, grad_codes, _):
        (x,) = ctx.saved_tensors
        return grad_codes * (x.abs() <= ctx.levels), None


declare(Codes, surrogate=lambda x, levels: x.clamp(-levels, levels))


class ClippedProduct(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output * weight, (grad_output * x).clamp(-0.5, 0.5)


declare(ClippedProduct, grad_transform={"weight": lambda g: g.clamp(-0.5, 0.5)})


class SquaredWrongly(Function):
    """Nothing is declared of it."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x


class Squared(SquaredWrongly):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class FakeQuantised(nn.Module):
    """A linear layer with rounded weights; ``frozen``: the scale is wrongly kept out of the graph."""

    def __init__(self, frozen: bool) -> None:
        super().__init__()
        self.frozen = frozen
        self.weight = nn.Parameter(normal(4, 2, seed=3).detach())
        self.scale = nn.Parameter(torch.tensor([0.3, 0.2], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        scale = self.scale.data if self.frozen else self.scale
        return x @ (Rounded.apply(self.weight / scale) * scale)


def neuron(potential: Tensor, decay: Tensor) -> Tensor:
    """Three steps of a leaky neuron that is reset where it fires."""
    total = torch.zeros_like(potential)
    state = potential
    for _ in range(3):
        spike = Fires.apply(state - 0.4, 4.0)
        total = total + spike * decay.tanh()
        state = state * decay.sigmoid() - spike * 0.2
    return total + state


def neuron_with_a_detached_reset(potential: Tensor, decay: Tensor) -> Tensor:
    """The reset is no path of the gradient on purpose: a spike is constant almost everywhere."""
    spike = Fires.apply(potential - 0.4, 4.0)
    rest = potential * decay.sigmoid() - spike.detach() * 0.3
    return rest + Fires.apply(rest.detach(), 2.0) * decay


def neuron_without_reset_gradient(potential: Tensor, decay: Tensor) -> Tensor:
    spike = Fires.apply(potential - 0.4, 4.0)
    with torch.no_grad():
        reset = spike * decay.sigmoid()
    return potential * decay.sigmoid() - reset


def reversed_in_the_loss(x: Tensor) -> Tensor:
    return x.sin() + Reversed.apply(x.cos()).square()


def reversed_and_lost(x: Tensor) -> Tensor:
    return x.sin() + Reversed.apply(x.cos()).detach()


def rounded_square(x: Tensor) -> Tensor:
    return Rounded.apply(3 * x).square() / 9


def rounded_times_its_norm(x: Tensor) -> Tensor:
    return Rounded.apply(3 * x) * x.detach().norm()


def rounded_beside_wrong(x: Tensor) -> Tensor:
    return Rounded.apply(3 * x) + SquaredWrongly.apply(x)


def rounded_after_wrong(x: Tensor) -> Tensor:
    return Rounded.apply(SquaredWrongly.apply(x) * 5)


def wrong_after_rounded(x: Tensor) -> Tensor:
    return SquaredWrongly.apply(Rounded.apply(4 * x))


def right_around_rounded(x: Tensor) -> Tensor:
    return Squared.apply(Rounded.apply(Squared.apply(x) * 5) + x)


def twice(x: Tensor) -> Tensor:
    return RoundedTwice.apply(2 * x).sin()


def clipped(x: Tensor, weight: Tensor) -> Tensor:
    return ClippedProduct.apply(x.exp(), weight).square()


def clipped_and_rounded(x: Tensor, weight: Tensor) -> Tensor:
    return Rounded.apply(4 * ClippedProduct.apply(x, weight.tanh()))


def clipped_and_detached(x: Tensor, weight: Tensor) -> Tensor:
    return ClippedProduct.apply(x.detach() * x, weight)


def coded(x: Tensor) -> Tensor:
    codes, indices = Codes.apply(2 * x, 3)
    return codes * torch.linspace(0.5, 2, 7, dtype=x.dtype)[indices]


def dithered(x: Tensor) -> Tensor:
    return StochasticallyRounded.apply(4 * x) * torch.rand_like(x) + x.cos()


F32 = torch.float32

MODES = {
    "layer_with_rounded_weights": Mode(FakeQuantised(False), lambda: (normal(3, 4),), options=FULL),
    "neuron_that_fires_and_is_reset": Mode(neuron, two_vectors, options=FULL),
    "neuron_whose_reset_is_detached": Mode(neuron_with_a_detached_reset, two_vectors, options=FULL),
    "reversed_inside": Mode(reversed_in_the_loss, vector, options=FULL),
    "reversed_gradient_that_is_detached": Mode(reversed_and_lost, vector, "AG101"),
    "square_of_rounded": Mode(rounded_square, vector, options=FULL),
    "square_of_rounded_in_float32": Mode(rounded_square, lambda: (normal(5, dtype=F32),)),
    "codes_and_their_table": Mode(coded, matrix, options=FULL),
    "stochastic_rounding_and_noise": Mode(dithered, vector, options=FULL),
    "rounded_among_right_functions": Mode(right_around_rounded, vector, options=FULL),
    "clipped_inside": Mode(clipped, two_vectors, options=FULL),
    "clipped_inside_before_rounding": Mode(clipped_and_rounded, two_vectors, options=FULL),
    "clipped_inside_where_the_caller_leaves_autograd": Mode(
        clipped_and_detached, two_vectors, confirmed=False
    ),
    "scale_out_of_the_graph_beside_rounded": Mode(
        FakeQuantised(True), lambda: (normal(3, 4),), "AG103"
    ),
    "norm_out_of_the_graph_beside_rounded": Mode(rounded_times_its_norm, vector, "AG101"),
    "reset_out_of_the_graph_beside_spikes": Mode(
        neuron_without_reset_gradient, two_vectors, "AG101"
    ),
    "wrong_beside_rounded": Mode(rounded_beside_wrong, vector, "AG101"),
    "wrong_before_rounded": Mode(rounded_after_wrong, vector, "AG101"),
    "wrong_after_rounded": Mode(wrong_after_rounded, vector, "AG101"),
    "not_as_declared_inside": Mode(twice, vector, "AG101"),
    "not_as_declared": Mode(RoundedTwice, vector, "AG101"),
}
