"""Random numbers that backward draws, and faults that are there without them too."""

import torch
from catalogue._mode import matrix, vector
from explained._pair import Pair, Shown
from explained.in_place import Sine, in_memory_order
from torch.autograd import Function


class Dropout(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * (torch.rand_like(x) > 0.5)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * (torch.rand_like(grad_output) > 0.5)


class DropoutTimesTwo(Dropout):
    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output * (torch.rand_like(grad_output) > 0.5)


class NoiseInBackward(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x.cos() + torch.rand_like(x))


class NoiseInMemoryOrderOfX(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (in_memory_order(x).cos() + torch.rand_like(x))


class NoiseInMemoryOrder(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return in_memory_order(grad_output) * (x.cos() + torch.rand_like(grad_output))


class NoiseByAddress(Sine):
    @staticmethod
    def forward(ctx, x):
        ctx.address = x.data_ptr()
        return Sine.forward(ctx, x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        factor = 1 if x.data_ptr() == ctx.address else 2
        return factor * grad_output * (x.cos() + torch.rand_like(x))


PAIRS = {
    ("AG107", "AG101"): Pair("AG107", Shown(DropoutTimesTwo, vector)),
    ("AG107", "AG407"): Pair(Shown(Dropout, matrix), Shown(NoiseInMemoryOrder, matrix)),
    ("AG107", "AG408"): Pair(Shown(NoiseInBackward, matrix), Shown(NoiseInMemoryOrderOfX, matrix)),
    ("AG107", "AG607"): Pair("AG107", Shown(NoiseByAddress, vector)),
}
