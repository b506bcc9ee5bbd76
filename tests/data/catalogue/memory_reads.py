"""Fresh memory that is not written everywhere before it is returned: in outputs, in gradients, in what is saved."""

import torch
from catalogue._mode import Mode, matrix, normal, vector
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class PadsWithNothing(Function):
    """Two columns are added and left as they come."""

    @staticmethod
    def forward(ctx, x, width):
        y = torch.empty(len(x), x.shape[1] + width, dtype=x.dtype)
        y[:, : x.shape[1]] = x.exp()
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output[:, : x.shape[1]] * x.exp(), None


class PadsWithZeros(PadsWithNothing):
    @staticmethod
    def forward(ctx, x, width):
        y = torch.empty(len(x), x.shape[1] + width, dtype=x.dtype)
        y[:, : x.shape[1]] = x.exp()
        y[:, x.shape[1] :] = 0
        ctx.save_for_backward(x)
        return y


class SecondOutputHasAHole(Function):
    """The first row of the differences is never computed."""

    @staticmethod
    def forward(x):
        steps = torch.empty_like(x)
        torch.sub(x[1:], x[:-1], out=steps[1:])
        return x.cumsum(0), steps

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad_sum, grad_steps):
        grad = grad_sum.flip(0).cumsum(0).flip(0)
        grad[1:] += grad_steps[1:]
        grad[:-1] -= grad_steps[1:]
        return grad


class SecondOutputIsWhole(SecondOutputHasAHole):
    @staticmethod
    def forward(x):
        steps = x.new_empty(x.shape)
        torch.sub(x[1:], x[:-1], out=steps[1:])
        steps[0] = 0
        return x.cumsum(0), steps


class CountsOccupiedBins(Function):
    """Sums by bin; a bin into which nothing falls keeps what it came with."""

    @staticmethod
    def forward(ctx, x, bins, count):
        ctx.save_for_backward(bins)
        y = x.new_empty(count)
        for i in bins.unique().tolist():
            y[i] = x[bins == i].sum()
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (bins,) = ctx.saved_tensors
        return grad_output[bins], None, None


class GathersTriangle(Function):
    """The gradient of the lower triangle alone is written."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.tril().square().sum(-1)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = x.new_empty(x.shape)
        lower = torch.ones_like(x, dtype=torch.bool).tril()
        grad[lower] = (2 * x * grad_output[:, None])[lower]
        return grad


class GathersTriangleRightly(GathersTriangle):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = x.new_zeros(x.shape)
        lower = torch.ones_like(x, dtype=torch.bool).tril()
        grad[lower] = (2 * x * grad_output[:, None])[lower]
        return grad


class LeavesTheOddOneOut(Function):
    """Pairs are handled two by two, by memory with strides of its own; a last odd element is not."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = torch.empty_strided(x.shape, (1,), dtype=x.dtype)
        even = len(x) // 2 * 2
        grad[:even] = 2 * x[:even] * grad_output[:even]
        return grad


class MasksWhatItLeft(Function):
    """Takes out the NaN of what was left, one that grad_output holds too, and no other number."""

    @staticmethod
    def forward(ctx, x, keep):
        ctx.save_for_backward(keep)
        return x[keep]

    @staticmethod
    def backward(ctx, grad_output):
        (keep,) = ctx.saved_tensors
        grad = torch.empty(keep.shape, dtype=grad_output.dtype)
        grad[keep] = grad_output
        return grad.where(~grad.isnan(), 0), None


class AddsToNothing(Function):
    """Accumulates into memory that was never set to zero."""

    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(index)
        ctx.shape = table.shape
        return table[index]

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        return grad_output.new_empty(ctx.shape).index_add_(0, index, grad_output), None


class AddsToZeros(AddsToNothing):
    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        grad = torch.empty(ctx.shape, dtype=grad_output.dtype).zero_()
        return grad.index_add_(0, index, grad_output), None


class SavesWhatItLeft(Function):
    """The slopes that forward keeps are computed where x is positive, and used everywhere."""

    @staticmethod
    def forward(ctx, x):
        slope = torch.empty_like(x)
        slope[x > 0] = 2 * x[x > 0]
        ctx.save_for_backward(slope)
        return torch.where(x > 0, x * x, 0.5 * x)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (slope,) = ctx.saved_tensors
        return grad_output * slope


class RanksTheFirst(Function):
    """Places of the largest; behind the third they are left open."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        places = torch.empty(x.shape, dtype=torch.long)
        places[:3] = x.topk(3).indices
        ctx.mark_non_differentiable(places)
        return x.exp(), places

    @staticmethod
    def backward(ctx, grad_output, _):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp()


class RanksAll(RanksTheFirst):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        places = torch.empty(x.shape, dtype=torch.long)
        places.copy_(x.argsort())
        return x.exp(), places


class MarksThePositive(RanksTheFirst):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        mask = torch.empty(x.shape, dtype=torch.bool)
        mask[x > 0] = True
        return x.exp(), mask


class KeepsStatistics(RanksTheFirst):
    """A padded statistic for the log, which no gradient is asked for."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        statistics = x.new_empty(8)
        statistics[: len(x)] = x.detach().abs()
        ctx.mark_non_differentiable(statistics)
        return x.exp(), statistics


class PaddedLayer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.shift = nn.Parameter(normal(4, seed=3).detach())

    def forward(self, x):
        return self.function.apply(x + self.shift, 2)


def triangle_of_a_product(x, y):
    return GathersTriangle.apply(x @ y)


def wide():
    return normal(3, 4), 2


def masked():
    return normal(5), torch.tensor([True, False, True, True, False])


def table_and_index():
    return normal(5, 2), torch.tensor([0, 3, 3])


def binned():
    return normal(5), torch.tensor([0, 2, 2, 0, 3]), 4


def two_squares():
    return normal(3, 3), normal(3, 3, seed=1)


MODES = {
    "places_left_open": Mode(RanksTheFirst, vector, "AG309"),
    "places_all_filled": Mode(RanksAll, vector),
    "mask_half_written": Mode(MarksThePositive, vector, "AG309"),
    "statistics_left_open": Mode(KeepsStatistics, vector, "AG309", notes=frozenset({"AG003"})),
    "output_padded_with_nothing": Mode(PadsWithNothing, wide, "AG309"),
    "output_padded_with_zeros": Mode(PadsWithZeros, wide),
    "second_output_has_a_hole": Mode(SecondOutputHasAHole, matrix, "AG309"),
    "second_output_is_whole": Mode(SecondOutputIsWhole, matrix),
    "empty_bin_is_left_out": Mode(CountsOccupiedBins, binned, "AG309"),
    "gradient_of_a_triangle": Mode(GathersTriangle, lambda: (normal(3, 3),), "AG309"),
    "gradient_of_a_triangle_and_zeros": Mode(GathersTriangleRightly, lambda: (normal(3, 3),)),
    "odd_element_left_out": Mode(LeavesTheOddOneOut, vector, "AG309"),
    "masked_after_the_fact": Mode(MasksWhatItLeft, masked, "AG309", warnings=frozenset({"AG110"})),
    "accumulates_into_nothing": Mode(AddsToNothing, table_and_index, "AG309"),
    "accumulates_into_zeros": Mode(AddsToZeros, table_and_index),
    "saves_what_it_left": Mode(SavesWhatItLeft, vector, "AG309"),
    "module_pads_with_nothing": Mode(PaddedLayer(PadsWithNothing), matrix, "AG309"),
    "module_pads_with_zeros": Mode(PaddedLayer(PadsWithZeros), matrix),
    "callable_with_a_triangle": Mode(triangle_of_a_product, two_squares, "AG309"),
}
