"""Nothing is told apart: no elements, a flat region, forward not finite, an argument that hardly counts."""

import torch
from catalogue._mode import FULL, Mode, normal
from torch import nn
from torch.autograd import Function


class Cube(Function):
    """Wrong by a factor, which no element shows where there is none."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x * x * grad_output


class PicksRows(Function):
    """Nothing is picked: there are inputs, and no output."""

    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(index)
        ctx.shape = table.shape
        return table[index]

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        return 2 * grad_output.new_zeros(ctx.shape).index_add(0, index, grad_output), None


class JoinsRows(Function):
    """By ``setup_context``: two inputs without rows, and two outputs."""

    @staticmethod
    def forward(x, y):
        return torch.cat([x, y]), x - y

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad_both, grad_apart):
        return -grad_apart, grad_apart


class Hinge(Function):
    """A margin loss, wrong by a sign where the margin is not met."""

    @staticmethod
    def forward(ctx, score, label):
        ctx.save_for_backward(score, label)
        return (1 - label * score).clamp(min=0).sum()

    @staticmethod
    def backward(ctx, grad_output):
        score, label = ctx.saved_tensors
        return grad_output * label * (label * score < 1), None


class SaturatedStep(Function):
    @staticmethod
    def forward(ctx, x, low, high):
        ctx.save_for_backward(x)
        ctx.low, ctx.high = low, high
        return ((x - low) / (high - low)).clamp(0, 1) ** 2

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        inside = (x > ctx.low) & (x < ctx.high)
        return grad_output * inside * (x - ctx.low), None, None


class HingeLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.full((4,), 3.0, dtype=torch.float64))

    def forward(self, x):
        return Hinge.apply(x * self.gain, torch.ones(4, dtype=x.dtype))


class LogOfDifference(Function):
    """NaN wherever y is larger."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return (x - y).log()

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output / (x - y), -grad_output / (x - y)


class InverseCosine(Function):
    @staticmethod
    def forward(x):
        return x.acos(), x.square().sum()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_angle, grad_square):
        (x,) = ctx.saved_tensors
        return -grad_angle / (1 - x * x).sqrt() + 2 * grad_square * x


class GrowsTooFast(Function):
    """Overflows for one of its elements."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y


class AddsALittle(Function):
    """By numpy, the second argument nine orders of magnitude below the first; its gradient is doubled."""

    @staticmethod
    def forward(ctx, x, y):
        return torch.from_numpy(1e6 * x.detach().numpy() + 1e-3 * y.detach().numpy())

    @staticmethod
    def backward(ctx, grad_output):
        return 1e6 * grad_output, 2e-3 * grad_output


class TinyStep(Function):
    """By ``setup_context``, with a number beside; the sign of the step's gradient is wrong."""

    @staticmethod
    def forward(x, step, rate):
        return x - rate * step

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.rate = inputs[2]

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, ctx.rate * grad_output, None


class WeighsTwoSums(Function):
    """A loss with a term that is far too small; its gradient misses the two."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.square().sum() + 1e-10 * y.square().sum()

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return 2 * grad_output * x, 1e-10 * grad_output * y


class ClipsItsShift(Function):
    """The shift is negative and clipped: three times its gradient is nothing either."""

    @staticmethod
    def forward(ctx, x, shift):
        ctx.save_for_backward(x, shift)
        return x.sin() + shift.relu()

    @staticmethod
    def backward(ctx, grad_output):
        x, shift = ctx.saved_tensors
        return grad_output * x.cos(), 3 * grad_output * (shift > 0)


class ClipsItsShiftRightly(ClipsItsShift):
    @staticmethod
    def backward(ctx, grad_output):
        x, shift = ctx.saved_tensors
        return grad_output * x.cos(), grad_output * (shift > 0)


class SaturatesItsGate(Function):
    @staticmethod
    def forward(x, gate):
        return x * (gate / 6 + 0.5).clamp(0, 1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, gate = ctx.saved_tensors
        open_ = (gate / 6 + 0.5).clamp(0, 1)
        return grad_output * open_, grad_output * x * ((open_ > 0) & (open_ < 1))


class CountsTheAbove(Function):
    """A threshold moves nothing by a small step, and has no gradient: None says so."""

    @staticmethod
    def forward(ctx, x, threshold):
        ctx.save_for_backward(x, threshold)
        return x * (x > threshold)

    @staticmethod
    def backward(ctx, grad_output):
        x, threshold = ctx.saved_tensors
        return grad_output * (x > threshold), None


class AddsNothing(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x)
        return x.exp() + 0 * y

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp(), 0 * grad_output


def empty(*shapes):
    return lambda: tuple(normal(*shape, seed=seed) for seed, shape in enumerate(shapes))


def beyond_the_margin():
    label = torch.tensor([1.0, -1, 1, -1], dtype=torch.float64)
    return (label * torch.tensor([2.0, 3, 4, 5], dtype=torch.float64)).requires_grad_(), label


def positive():
    return ((normal(4).detach().abs() + 2).requires_grad_(),)


def two():
    return normal(4), normal(4, seed=1)


def with_a_negative_shift():
    return normal(4), (-1 - normal(4, seed=1).detach().abs()).requires_grad_()


def with_an_open_gate():
    return normal(4), (5 + normal(4, seed=1).detach().abs()).requires_grad_()


def none(target, inputs, **options):
    return Mode(target, inputs, confirmed=False, options=options)


MODES = {
    "one_of_two_is_clipped": none(ClipsItsShift, with_a_negative_shift),
    "one_of_two_is_clipped_at_level_full": Mode(
        ClipsItsShift, with_a_negative_shift, "AG104", options=FULL
    ),
    "one_of_two_is_clipped_rightly": Mode(ClipsItsShiftRightly, with_a_negative_shift),
    "gate_is_saturated": none(SaturatesItsGate, with_an_open_gate),
    "threshold_without_a_gradient": Mode(CountsTheAbove, two),
    "one_of_two_never_matters": none(AddsNothing, two),
    "one_of_two_never_matters_at_level_full": none(AddsNothing, two, level="full"),
    "no_elements": none(Cube, empty((0,))),
    "no_elements_at_level_full": none(Cube, empty((2, 0, 3)), level="full"),
    "no_output_elements": none(PicksRows, lambda: (normal(4, 3), torch.zeros(0, dtype=torch.long))),
    "no_rows_in_two_inputs": none(JoinsRows, empty((0, 2), (0, 2))),
    "flat_beyond_the_margin": none(Hinge, beyond_the_margin),
    "flat_above_the_step": none(SaturatedStep, lambda: (*positive(), -1.0, 1.0)),
    "flat_inside_a_module": none(HingeLayer(), positive),
    "nan_where_one_is_larger": none(LogOfDifference, two),
    "nan_in_the_first_of_two_outputs": none(InverseCosine, positive),
    "infinite_at_one_element": none(
        GrowsTooFast,
        lambda: (torch.tensor([1.0, 2, 800], dtype=torch.float64, requires_grad=True),),
    ),
    "second_argument_hardly_counts": none(AddsALittle, two),
    "step_hardly_counts": none(TinyStep, lambda: (*two(), 1e-10)),
    "second_sum_hardly_counts": none(WeighsTwoSums, two),
}
