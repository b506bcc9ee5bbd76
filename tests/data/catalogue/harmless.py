"""Right Functions that look like a fault: no error and no warning."""

import threading
from typing import ClassVar

import torch
from catalogue._mode import FULL, Mode, matrix, normal, two_vectors, vector
from torch.autograd import Function


class ClipsFarOut(Function):
    """The saved input matters only where no small input comes."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(-50, 50)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x.abs() < 50)


class SavesNoneFirst(Function):
    @staticmethod
    def forward(ctx, x, bias):
        ctx.save_for_backward(None, x, bias)
        return x.sin() * bias

    @staticmethod
    def backward(ctx, grad_output):
        _, x, bias = ctx.saved_tensors
        return grad_output * bias * x.cos(), grad_output * x.sin()


class Quotient(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x / y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output / y, -grad_output * x / (y * y)


def keywords_in_another_order(x, y):
    return Quotient.apply(y=y, x=x)


class ScratchOfTheThread(Function):
    """Scratch space is fine where every thread has its own and no value lives on in it."""

    local = threading.local()

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        ScratchOfTheThread.local.cosine = x.cos()
        return grad_output * ScratchOfTheThread.local.cosine


class CachesATable(Function):
    """State that depends on the shape alone."""

    tables: ClassVar = {}

    @staticmethod
    def forward(ctx, x):
        key = x.shape[-1], x.dtype
        if key not in CachesATable.tables:
            CachesATable.tables[key] = torch.linspace(1, 2, x.shape[-1], dtype=x.dtype)
        ctx.key = key
        return x * CachesATable.tables[key]

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * CachesATable.tables[ctx.key]


class StridedKernel(Function):
    """A kernel that honours strides, and makes its output contiguous."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        flat = x.as_strided(x.shape, x.stride(), x.storage_offset())
        return flat.contiguous().sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.contiguous() * x.contiguous().cos()


class DoublesInPlace(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output


class ClampsNothingInPlace(Function):
    """The write changes no byte here; the input is dirty all the same."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.clamp_(-1e6, 1e6)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class StatisticsBesides(Function):
    """A statistic for the log, declared non-differentiable."""

    @staticmethod
    def forward(ctx, x):
        mean = x.mean(0)
        ctx.mark_non_differentiable(mean)
        return x - mean, mean

    @staticmethod
    def backward(ctx, grad_centred, _):
        return grad_centred - grad_centred.mean(0)


class BatchOfOneBroadcasts(Function):
    """A bias kept as a row: its axis of one is there to be broadcast, not a batch."""

    @staticmethod
    def forward(ctx, bias, x):
        return bias + x

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.sum(0, keepdim=True), grad_output


MODES = {
    "clips_far_out": Mode(ClipsFarOut, vector),
    "saves_none_first": Mode(SavesNoneFirst, two_vectors),
    "keywords_in_another_order": Mode(keywords_in_another_order, two_vectors),
    "scratch_of_the_thread": Mode(ScratchOfTheThread, vector, options=FULL),
    "caches_a_table": Mode(CachesATable, matrix, options=FULL),
    "strided_kernel": Mode(StridedKernel, matrix),
    "doubles_in_place": Mode(DoublesInPlace, matrix, options=FULL),
    "clamps_nothing_in_place": Mode(ClampsNothingInPlace, vector),
    "statistics_besides": Mode(StatisticsBesides, matrix, notes=frozenset({"AG003"})),
    "batch_of_one_broadcasts": Mode(
        BatchOfOneBroadcasts, lambda: (normal(1, 4), normal(3, 4, seed=1)), options=FULL
    ),
}
