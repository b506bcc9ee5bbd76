"""An argument that was left None: the branch of backward for a tensor or a number in its place is wrong."""

import torch
from catalogue._mode import FULL, Mode, matrix, normal, two_vectors, vector
from torch.autograd import Function


class ScaledNorm(Function):
    """The gradient of the optional scale is right; that of x forgets it."""

    @staticmethod
    def forward(ctx, x, scale=None):
        ctx.save_for_backward(x, scale)
        unit = x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        return unit if scale is None else unit * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        inverse = (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        unit = x * inverse
        along = (grad_output * unit).mean(-1, keepdim=True)
        grad_scale = None if scale is None else (grad_output * unit).sum(0)
        return inverse * (grad_output - unit * along), grad_scale


class ScaledNormRightly(ScaledNorm):
    """Refuses a scale that is not one number a column."""

    @staticmethod
    def forward(ctx, x, scale=None):
        if scale is not None and scale.shape != x.shape[-1:]:
            raise ValueError(scale.shape)
        return ScaledNorm.forward(ctx, x, scale)

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        inverse = (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        unit = x * inverse
        scaled = grad_output if scale is None else grad_output * scale
        along = (scaled * unit).mean(-1, keepdim=True)
        grad_scale = None if scale is None else (grad_output * unit).sum(0)
        return inverse * (scaled - unit * along), grad_scale


class AddsAResidual(Function):
    """Two outputs; the residual reaches both, and its gradient is that of one."""

    @staticmethod
    def forward(ctx, x, residual=None):
        ctx.added = residual is not None
        total = x if residual is None else x + residual
        ctx.save_for_backward(total)
        return total.tanh(), 2 * total

    @staticmethod
    def backward(ctx, grad_tanh, grad_total):
        (total,) = ctx.saved_tensors
        grad = grad_tanh * (1 - total.tanh().square()) + 2 * grad_total
        return grad, 2 * grad_total if ctx.added else None


class StartsFromAState(Function):
    """A running sum that leaks; the state's gradient misses the decay of the first step."""

    @staticmethod
    def forward(x, state=None):
        h = torch.zeros_like(x[0]) if state is None else state
        rows = []
        for row in x:
            h = 0.5 * h + row
            rows.append(h)
        return torch.stack(rows)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.starts = len(inputs) > 1 and inputs[1] is not None

    @staticmethod
    def backward(ctx, grad_output):
        carried, rows = torch.zeros_like(grad_output[0]), []
        for row in grad_output.flip(0):
            carried = row + 0.5 * carried
            rows.append(carried)
        return torch.stack(rows[::-1]), carried if ctx.starts else None


class StartsFromAStateRightly(StartsFromAState):
    @staticmethod
    def forward(x, state=None):
        if state is not None and state.shape != x.shape[1:]:
            raise ValueError(state.shape)
        return StartsFromAState.forward(x, state)

    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_state = StartsFromAState.backward(ctx, grad_output)
        return grad_x, 0.5 * grad_state if ctx.starts else None


class WeighsTheTerms(Function):
    """A loss with weights: the mean divides by their sum, backward by their number."""

    @staticmethod
    def forward(ctx, x, target, weight=None):
        ctx.save_for_backward(x, target, weight)
        terms = (x - target).square()
        return terms.mean() if weight is None else (weight * terms).sum() / weight.sum()

    @staticmethod
    def backward(ctx, grad_output):
        x, target, weight = ctx.saved_tensors
        apart = 2 * (x - target) * grad_output / x.numel()
        apart = apart if weight is None else weight * apart
        grad_weight = None
        if weight is not None:
            mean = (weight * (x - target).square()).sum() / weight.sum()
            grad_weight = grad_output * ((x - target).square() - mean) / weight.sum()
        return apart, -apart, grad_weight


class CapsItsValues(Function):
    """Nothing flows where the cap was met; backward lets everything through."""

    @staticmethod
    def forward(ctx, x, cap=None):
        ctx.save_for_backward(x)
        y = x.sinh()
        return y if cap is None else y.clamp(-cap, cap)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cosh(), None


class CoolsDown(Function):
    @staticmethod
    def forward(x, temperature=None):
        return (x if temperature is None else x / temperature).softmax(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return y * (grad_output - (grad_output * y).sum(-1, keepdim=True)), None


class DropsByThreshold(Function):
    """Soft thresholding, by a fixed fraction where no threshold is given; its branch has the wrong sign."""

    @staticmethod
    def forward(ctx, x, floor=None):
        ctx.floor = floor
        ctx.save_for_backward(x)
        return x * x if floor is None else x * x - floor * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        slope = 2 * x if ctx.floor is None else 2 * x + ctx.floor
        return grad_output * slope, None


class DropsByThresholdRightly(DropsByThreshold):
    @staticmethod
    def forward(ctx, x, floor=None):
        return DropsByThreshold.forward(ctx, x, None if floor is None else float(floor))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (2 * x - (ctx.floor or 0)), None


MODES = {
    "scale_left_out": Mode(ScaledNorm, matrix, "AG104", options=FULL),
    "scale_is_used_rightly": Mode(ScaledNormRightly, matrix, options=FULL),
    "residual_left_out_of_two_outputs": Mode(AddsAResidual, vector, "AG104", options=FULL),
    "state_left_out": Mode(StartsFromAState, matrix, "AG104", options=FULL),
    "state_is_used_rightly": Mode(StartsFromAStateRightly, matrix, options=FULL),
    "weights_given_as_none": Mode(
        WeighsTheTerms, lambda: (*two_vectors(), None), "AG104", options=FULL
    ),
    "cap_left_out": Mode(CapsItsValues, vector, "AG104", options=FULL),
    "temperature_left_out": Mode(CoolsDown, matrix, "AG104", options=FULL),
    "floor_given_as_none": Mode(DropsByThreshold, lambda: (normal(5), None), "AG104", options=FULL),
    "floor_is_used_rightly": Mode(DropsByThresholdRightly, lambda: (normal(5), None), options=FULL),
}
