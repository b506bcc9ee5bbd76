"""Right for the axes given: one more, one broadcast, or a packed batch cut otherwise shows the fault."""

from itertools import pairwise

import torch
from catalogue._mode import FULL, Mode, matrix, normal, two_matrices
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

WARNED = frozenset({"AG105"})


def bounds_of(offsets):
    """Return the offsets of a packed batch as pairs; others than increasing ones are refused."""
    bounds = offsets.tolist()
    if bounds[0] != 0 or any(start >= end for start, end in pairwise(bounds)):
        raise ValueError("no offsets")
    return list(pairwise(bounds))


class MeansOfTheBatch(Function):
    """Averages the last axis; backward divides by the first."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square().mean((-2, -1))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        count = x.shape[0] * x.shape[1]
        return 2 * x * grad_output[..., None, None] / count


class MeansOfTheBatchRightly(MeansOfTheBatch):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        count = x.shape[-2] * x.shape[-1]
        return 2 * x * grad_output[..., None, None] / count


class SoftmaxOverTheSecond(Function):
    """Forward takes the last axis, backward the second: the same for matrices alone."""

    @staticmethod
    def forward(x):
        return x.softmax(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return y * (grad_output - (grad_output * y).sum(1, keepdim=True))


class CumulativeRows(Function):
    """Two outputs; the running sum is turned round along the wrong axis in a batch."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.cumsum(-2), x.exp()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_sum, grad_exp):
        (x,) = ctx.saved_tensors
        return grad_sum.flip(0).cumsum(0).flip(0) + grad_exp * x.exp()


class AddsABias(Function):
    """The gradient of the bias is summed over the first axis only."""

    @staticmethod
    def forward(ctx, x, bias):
        ctx.save_for_backward(bias)
        return x + bias.tanh()

    @staticmethod
    def backward(ctx, grad_output):
        (bias,) = ctx.saved_tensors
        return grad_output, grad_output.sum(0) * (1 - bias.tanh().square())


class AddsABiasRightly(AddsABias):
    @staticmethod
    def backward(ctx, grad_output):
        (bias,) = ctx.saved_tensors
        summed = grad_output.sum_to_size(bias.shape)
        return grad_output, summed * (1 - bias.tanh().square())


class MultipliesAndCollapses(Function):
    """The factor's gradient is averaged where it was broadcast."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x, factor)
        return x * factor

    @staticmethod
    def backward(ctx, grad_output):
        x, factor = ctx.saved_tensors
        grad = grad_output * x
        for axis, length in enumerate(factor.shape):
            if length == 1:
                grad = grad.mean(axis, keepdim=True)
        return grad_output * factor, grad


class DistanceToARow(Function):
    """A row for all is taken for a row each: its gradient is that of the first."""

    @staticmethod
    def forward(ctx, x, centre):
        ctx.save_for_backward(x, centre)
        return (x - centre).square()

    @staticmethod
    def backward(ctx, grad_output):
        x, centre = ctx.saved_tensors
        grad = 2 * grad_output * (x - centre)
        return grad, -grad[: centre.shape[0], : centre.shape[1]]


class DistanceToARowRightly(DistanceToARow):
    @staticmethod
    def backward(ctx, grad_output):
        x, centre = ctx.saved_tensors
        grad = 2 * grad_output * (x - centre)
        return grad, -grad.sum_to_size(centre.shape)


class SumsBeforeItMultiplies(Function):
    """Reduces both factors to the shape of ``y`` and multiplies then: a product of sums for a sum of products."""

    @staticmethod
    def forward(x, y):
        return x * y.square()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        summed = grad_output.sum_to_size(y.shape) * x.sum_to_size(y.shape)
        return grad_output * y.square(), 2 * summed * y


class SumsSegments(Function):
    """A packed batch: each segment's sum, squared. Backward takes the first one's length for all."""

    @staticmethod
    def forward(ctx, x, offsets):
        ctx.save_for_backward(x, offsets)
        return torch.stack([x[a:b].sum(0).square() for a, b in bounds_of(offsets)])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, offsets = ctx.saved_tensors
        length = int(offsets[1])
        grad = torch.zeros_like(x)
        for i in range(len(offsets) - 1):
            part = slice(i * length, (i + 1) * length)
            grad[part] = 2 * grad_output[i] * x[part].sum(0)
        return grad, None


class SumsSegmentsRightly(SumsSegments):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, offsets = ctx.saved_tensors
        grad = torch.zeros_like(x)
        for i, (a, b) in enumerate(bounds_of(offsets)):
            grad[a:b] = 2 * grad_output[i] * x[a:b].sum(0)
        return grad, None


class ScalesSegments(Function):
    """Each row by the scale of its segment; rows behind the last offset are counted to the last segment."""

    @staticmethod
    def forward(ctx, x, scale, offsets):
        ctx.save_for_backward(x, scale, offsets)
        if len(bounds_of(offsets)) != len(scale):
            raise ValueError("one scale a segment")
        place = torch.bucketize(torch.arange(len(x)), offsets[1:], right=True)
        inside = place < len(scale)
        return torch.where(inside[:, None], x * scale[place.clamp(max=len(scale) - 1)][:, None], 0)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, scale, offsets = ctx.saved_tensors
        place = torch.bucketize(torch.arange(len(x)), offsets[1:], right=True)
        place = place.clamp(max=len(scale) - 1)
        grad_scale = torch.zeros_like(scale).index_add_(0, place, (grad_output * x).sum(1))
        return grad_output * scale[place][:, None], grad_scale, None


class CumulativeSegments(Function):
    """A running sum that starts anew with each segment; backward knows of cuts at whole blocks."""

    BLOCK = 4

    @staticmethod
    def forward(ctx, x, offsets):
        ctx.save_for_backward(offsets)
        parts = [x[a:b].cumsum(0) for a, b in bounds_of(offsets)]
        return torch.cat([*parts, x[int(offsets[-1]) :]])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        bounds = [b for b in ctx.saved_tensors[0].tolist() if b % CumulativeSegments.BLOCK == 0]
        parts = [grad_output[a:b].flip(0).cumsum(0).flip(0) for a, b in pairwise(bounds)]
        return torch.cat([*parts, grad_output[bounds[-1] :]]), None


class BiasedLayer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.bias = nn.Parameter(normal(4, seed=2).detach())

    def forward(self, x):
        return self.function.apply(x, self.bias)


def with_bias():
    return normal(3, 4), normal(4, seed=1)


def packed():
    return normal(6, 2), torch.tensor([0, 3, 6])


def packed_and_scaled():
    return normal(6, 2), normal(2, seed=1), torch.tensor([0, 4, 6])


def packed_by_fours():
    return normal(8, 2), torch.tensor([0, 4, 8])


def faulty(target, inputs, **more):
    return Mode(target, inputs, warnings=WARNED, options=FULL, **more)


MODES = {
    "batch_of_means": faulty(MeansOfTheBatch, matrix),
    "batch_of_right_means": Mode(MeansOfTheBatchRightly, matrix, options=FULL),
    "batch_of_a_softmax": faulty(SoftmaxOverTheSecond, matrix),
    "batch_of_running_sums": faulty(CumulativeRows, matrix),
    "bias_of_a_batch": faulty(AddsABias, with_bias),
    "right_bias_of_a_batch": Mode(AddsABiasRightly, with_bias, options=FULL),
    "bias_of_a_batch_in_a_module": faulty(BiasedLayer(AddsABias), matrix),
    "factor_is_broadcast": faulty(MultipliesAndCollapses, two_matrices),
    "row_is_broadcast": faulty(DistanceToARow, two_matrices),
    "square_is_broadcast": faulty(SumsBeforeItMultiplies, two_matrices),
    "right_row_is_broadcast": Mode(DistanceToARowRightly, two_matrices, options=FULL),
    "segments_of_equal_length": faulty(SumsSegments, packed),
    "segments_of_any_length": Mode(SumsSegmentsRightly, packed, options=FULL),
    "rows_behind_the_last_segment": Mode(ScalesSegments, packed_and_scaled, "AG105", options=FULL),
    "segments_in_blocks": faulty(CumulativeSegments, packed_by_fours),
}
