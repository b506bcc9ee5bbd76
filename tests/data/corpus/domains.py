"""Functions of numbers and vectors that are right on a domain and have no business off it."""

from __future__ import annotations

import torch
from corpus._case import Case, normal
from corpus._case import positive as drawn_positive
from torch import Tensor
from torch.autograd import Function

from pytest_autograd.domains import (
    increasing,
    integers,
    interval,
    nonnegative,
    offsets,
    one_hot,
    permutation,
    positive,
    simplex,
    unit_norm,
)


def leaf(value: Tensor) -> Tensor:
    return value.detach().clone().requires_grad_()


def weights(*shape: int, seed: int = 0) -> Tensor:
    return leaf(normal(*shape, seed=seed).softmax(-1))


def directions(*shape: int, seed: int = 0) -> Tensor:
    value = normal(*shape, seed=seed)
    return leaf(value / value.norm(dim=-1, keepdim=True))


class LogOfPositives(Function):
    """Keeps off the edge of its domain, where the gradient goes on growing."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp_min(1e-6).log()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / x.clamp_min(1e-6)


class SquareRoot(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sqrt()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / (2 * x.sqrt())


class SimplexCrossEntropy(Function):
    """Its gradient by ``p`` is that of the tangent space: the mean is taken out."""

    @staticmethod
    def forward(ctx, p, q):
        ctx.save_for_backward(p, q)
        return -(p * q.log()).sum(-1)

    @staticmethod
    def backward(ctx, grad_output):
        p, q = ctx.saved_tensors
        by_p = -q.log()
        by_p = by_p - by_p.mean(-1, keepdim=True)
        return grad_output[..., None] * by_p, -grad_output[..., None] * p / q


class IntervalLogit(Function):
    @staticmethod
    def forward(ctx, t):
        ctx.save_for_backward(t)
        inside = t.clamp(1e-9, 1 - 1e-9)
        return (inside / (1 - inside)).log()

    @staticmethod
    def backward(ctx, grad_output):
        (t,) = ctx.saved_tensors
        return grad_output / (t * (1 - t)).clamp_min(1e-30)


class SortedInterpolation(Function):
    """Linear interpolation between knots in order."""

    @staticmethod
    def forward(ctx, knots, values, at):
        right = torch.searchsorted(knots.detach(), at).clamp(1, len(knots) - 1)
        ctx.save_for_backward(knots, values, at, right)
        low, high = knots[right - 1], knots[right]
        share = (at - low) / (high - low)
        return values[right - 1] * (1 - share) + values[right] * share

    @staticmethod
    def backward(ctx, grad_output):
        knots, values, at, right = ctx.saved_tensors
        low, high = knots[right - 1], knots[right]
        share = (at - low) / (high - low)
        slope = (values[right] - values[right - 1]) / (high - low)
        by_low, by_high = -slope * (1 - share) * grad_output, -slope * share * grad_output
        by_knots = torch.zeros_like(knots).index_add(0, right - 1, by_low)
        by_values = torch.zeros_like(values).index_add(0, right - 1, (1 - share) * grad_output)
        return (
            by_knots.index_add(0, right, by_high),
            by_values.index_add(0, right, share * grad_output),
            slope * grad_output,
        )


class Embedding(Function):
    """Looks rows up by an index that travels as a float."""

    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(index)
        ctx.rows = len(table)
        return table[index.long() % len(table)]

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        by_table = grad_output.new_zeros(ctx.rows, grad_output.shape[-1])
        return by_table.index_add(0, index.long() % ctx.rows, grad_output), None


class PackedMeans(Function):
    """The mean of each segment that ``bounds`` cuts out."""

    @staticmethod
    def forward(ctx, x, bounds):
        lengths = bounds.diff()
        segment = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        ctx.save_for_backward(segment, lengths)
        sums = x.new_zeros(len(lengths), x.shape[-1]).index_add(0, segment, x)
        return sums / lengths.clamp_min(1)[:, None]

    @staticmethod
    def backward(ctx, grad_output):
        segment, lengths = ctx.saved_tensors
        return (grad_output / lengths.clamp_min(1)[:, None])[segment], None


class Shuffle(Function):
    """Permutes, and back by the inverse that is passed too."""

    @staticmethod
    def forward(ctx, x, order, inverse):
        ctx.save_for_backward(inverse)
        return x[order]

    @staticmethod
    def backward(ctx, grad_output):
        (inverse,) = ctx.saved_tensors
        return grad_output[inverse], None, None


class Chord(Function):
    """The squared distance of unit vectors; gradients lie in the tangent spaces."""

    @staticmethod
    def forward(ctx, u, v):
        ctx.save_for_backward(u, v)
        return (u - v).square().sum(-1)

    @staticmethod
    def backward(ctx, grad_output):
        u, v = ctx.saved_tensors
        cosine = (u * v).sum(-1, keepdim=True)
        scale = -2 * grad_output[..., None]
        return scale * (v - cosine * u), scale * (u - cosine * v)


class ChosenLogit(Function):
    """The logit that a one-hot target chooses."""

    @staticmethod
    def forward(ctx, logits, target):
        ctx.save_for_backward(target)
        return logits.gather(-1, target.argmax(-1, keepdim=True)).squeeze(-1).clone()

    @staticmethod
    def backward(ctx, grad_output):
        (target,) = ctx.saved_tensors
        return grad_output[..., None] * target, None


ORDER = torch.tensor([2, 0, 3, 1])

CASES = {
    "log_of_positives": Case(
        LogOfPositives, lambda: (drawn_positive(6),), {"domain": {"x": positive}}
    ),
    "square_root": Case(SquareRoot, lambda: (drawn_positive(6),), {"domain": {"x": nonnegative}}),
    "simplex_cross_entropy": Case(
        SimplexCrossEntropy,
        lambda: (weights(3, 5), weights(3, 5, seed=1)),
        {"domain": {"p": simplex(-1), "q": simplex(-1)}},
    ),
    "interval_logit": Case(
        IntervalLogit,
        lambda: (leaf(torch.linspace(0.1, 0.9, 6, dtype=torch.float64)),),
        {"domain": {"t": interval(0, 1)}},
    ),
    "sorted_interpolation": Case(
        SortedInterpolation,
        lambda: (
            leaf(torch.tensor([-2.0, -0.7, 0.1, 1.3, 2.2], dtype=torch.float64)),
            normal(5),
            leaf(torch.tensor([-1.1, 0.4, 0.9, 1.9], dtype=torch.float64)),
        ),
        {"domain": {"knots": increasing, "at": interval(-2, 2)}},
    ),
    "integer_index": Case(
        Embedding,
        lambda: (normal(5, 3), torch.tensor([0.0, 3.0, 1.0, 3.0], dtype=torch.float64)),
        {"domain": {"index": integers(0, 5)}},
    ),
    "packed_offsets": Case(
        PackedMeans,
        lambda: (normal(7, 3), torch.tensor([0, 3, 5, 7])),
        {"domain": {"bounds": offsets}},
    ),
    "permutation_and_inverse": Case(
        Shuffle,
        lambda: (normal(4, 3), ORDER, ORDER.argsort()),
        {"domain": {"order": permutation}, "keep": ("inverse", "order")},
    ),
    "chord": Case(
        Chord,
        lambda: (directions(3, 4), directions(3, 4, seed=1)),
        {"domain": {"u": unit_norm(-1), "v": unit_norm(-1)}},
    ),
    "chosen_logit": Case(
        ChosenLogit,
        lambda: (normal(3, 5), torch.eye(5, dtype=torch.float64)[[1, 4, 0]]),
        {"domain": {"target": one_hot}},
    ),
}
