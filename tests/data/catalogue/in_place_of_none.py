"""An axis, a mask, an index or a flag in place of None, lists of axes, options by keyword: right as they were left."""

import torch
from catalogue._mode import FULL, Mode, matrix, normal
from catalogue.options import MeansOverAxes, MovesAxesAgain
from torch import nn
from torch.autograd import Function


class MeansOverAListOfAxes(MeansOverAxes):
    @staticmethod
    def forward(ctx, x, dims=[0]):  # noqa: B006
        ctx.shape, ctx.dims = x.shape, dims
        return x.mean(dims)


class MovesAxesOfAListAgain(MovesAxesAgain):
    @staticmethod
    def forward(ctx, x, order):
        return MovesAxesAgain.forward(ctx, x, order)


class SumsOverAllAxes(Function):
    """All axes in order were given: which of them are left does not matter then."""

    @staticmethod
    def forward(ctx, x, dims):
        ctx.save_for_backward(x)
        return x.exp().sum(dims)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.reshape(-1)[0] * x.exp(), None


class MeansOverAnAxisOrAll(Function):
    """Without an axis a sum; with one a mean, which backward takes for a sum."""

    @staticmethod
    def forward(ctx, x, axis=None):
        ctx.save_for_backward(x)
        ctx.axis = axis
        return x.exp().sum() if axis is None else x.exp().mean(axis)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = grad_output if ctx.axis is None else grad_output.unsqueeze(ctx.axis)
        return grad * x.exp(), None


class MeansOverAnAxisOrAllRightly(MeansOverAnAxisOrAll):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad, _ = MeansOverAnAxisOrAll.backward(ctx, grad_output)
        return (grad if ctx.axis is None else grad / x.shape[ctx.axis]), None


class FillsWhatIsMasked(Function):
    """Gradients reach what the mask filled."""

    @staticmethod
    def forward(ctx, x, mask=None):
        ctx.save_for_backward(x)
        ctx.mask = mask
        return x.exp() if mask is None else x.exp().masked_fill(mask, 0.0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp(), None


class FillsWhatIsMaskedRightly(FillsWhatIsMasked):
    @staticmethod
    def backward(ctx, grad_output):
        grad, _ = FillsWhatIsMasked.backward(ctx, grad_output)
        return (grad if ctx.mask is None else grad.masked_fill(ctx.mask, 0.0)), None


class PicksRowsIfAsked(Function):
    """A row that is picked twice gets one of its two gradients."""

    @staticmethod
    def forward(ctx, x, index=None):
        ctx.save_for_backward(x, index)
        return x.exp() if index is None else x[index].exp()

    @staticmethod
    def backward(ctx, grad_output):
        x, index = ctx.saved_tensors
        if index is None:
            return grad_output * x.exp(), None
        grad = torch.zeros_like(x)
        grad[index] = grad_output * x[index].exp()
        return grad, None


class SumsAlongIfCausal(Function):
    @staticmethod
    def forward(ctx, x, causal=None):
        ctx.save_for_backward(x)
        return x.exp().cumsum(0) if causal else x.exp()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp(), None


def summed_along(x, *, causal=False):
    return SumsAlongIfCausal.apply(x, causal or None)


class SumsAlong(nn.Module):
    def forward(self, x, *, causal=False):
        return SumsAlongIfCausal.apply(x, causal or None)


MODES = {
    "mean_over_a_list_of_axes": Mode(MeansOverAListOfAxes, matrix, "AG104", options=FULL),
    "list_that_is_its_own_inverse": Mode(
        MovesAxesOfAListAgain, lambda: (normal(2, 3, 4), [1, 0, 2]), "AG104", options=FULL
    ),
    "all_axes_in_order": Mode(
        SumsOverAllAxes, lambda: (normal(3, 4), [0, 1]), "AG104", options=FULL
    ),
    "axis_in_place_of_none": Mode(MeansOverAnAxisOrAll, matrix, "AG104", options=FULL),
    "axis_in_place_of_none_rightly": Mode(MeansOverAnAxisOrAllRightly, matrix, options=FULL),
    "mask_in_place_of_none": Mode(FillsWhatIsMasked, matrix, "AG104", options=FULL),
    "mask_in_place_of_none_rightly": Mode(FillsWhatIsMaskedRightly, matrix, options=FULL),
    "index_in_place_of_none": Mode(PicksRowsIfAsked, matrix, "AG104", options=FULL),
    "flag_in_place_of_none": Mode(SumsAlongIfCausal, matrix, "AG104", options=FULL),
    "flag_by_keyword_alone": Mode(summed_along, matrix, "AG104", options=FULL),
    "flag_of_a_module_by_keyword_alone": Mode(SumsAlong(), matrix, "AG104", options=FULL),
}
