"""Right for the option given or left at its default; another word, flag or tuple takes a wrong branch of backward."""

import torch
from catalogue._mode import FULL, Mode, matrix, normal, vector
from torch import nn
from torch.autograd import Function
from torch.nn import functional


class PadsAround(Function):
    """Two ways of going on at the ends, told apart by ``match``; backward knows one."""

    @staticmethod
    def forward(x, ends="mirror"):
        if len(x) < 3:
            raise ValueError("too short to be mirrored")
        match ends:
            case "mirror":
                return torch.cat([x[1:2], x, x[-2:-1]])
            case "wrap":
                return torch.cat([x[-1:], x, x[:1]])
        raise ValueError(ends)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.wraps = len(inputs) > 1 and inputs[1] == "wrap"

    @staticmethod
    def backward(ctx, grad_output):
        grad = grad_output[1:-1].clone()
        grad[1] += grad_output[0]
        grad[-2] += grad_output[-1]
        return grad, None


class PadsAroundRightly(PadsAround):
    @staticmethod
    def backward(ctx, grad_output):
        if not ctx.wraps:
            return PadsAround.backward(ctx, grad_output)
        grad = grad_output[1:-1].clone()
        grad[-1] += grad_output[0]
        grad[0] += grad_output[-1]
        return grad, None


class GeluByWord(Function):
    """The tanh form has another derivative, by less than a hundredth."""

    @staticmethod
    def forward(ctx, x, approximate="none"):
        if approximate not in ("none", "tanh"):
            raise ValueError(approximate)
        ctx.save_for_backward(x)
        return functional.gelu(x, approximate=approximate)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        density = torch.exp(-x * x / 2) / (2 * torch.pi) ** 0.5
        return grad_output * (torch.special.ndtr(x) + x * density), None


class DivergenceBySize(Function):
    """The divisor is looked up by the word; for "none" the outputs are not summed, and backward sums them."""

    @staticmethod
    def forward(ctx, logs, target, reduction="batchmean"):
        ctx.save_for_backward(target)
        ctx.divisor = {"batchmean": len(logs), "mean": logs.numel(), "sum": 1}.get(reduction, 1)
        terms = target * (target.log() - logs) / ctx.divisor
        return terms if reduction == "none" else terms.sum()

    @staticmethod
    def backward(ctx, grad_output):
        (target,) = ctx.saved_tensors
        return -grad_output.sum() * target / ctx.divisor, None, None


class RotatesBack(Function):
    """A rotation of the plane; backward of the inverse one turns the wrong way."""

    @staticmethod
    def forward(ctx, x, y, angle, inverse=False):
        turn = -angle if inverse else angle
        cos, sin = torch.tensor(turn, dtype=x.dtype).cos(), torch.tensor(turn, dtype=x.dtype).sin()
        ctx.angle = angle
        return cos * x - sin * y, sin * x + cos * y

    @staticmethod
    def backward(ctx, grad_x, grad_y):
        angle = torch.tensor(ctx.angle, dtype=grad_x.dtype)
        cos, sin = angle.cos(), angle.sin()
        return cos * grad_x + sin * grad_y, cos * grad_y - sin * grad_x, None, None


class SumsFromTheEnd(Function):
    @staticmethod
    def forward(x, reverse=False):
        return x.flip(-1).cumsum(-1).flip(-1) if reverse else x.cumsum(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.flip(-1).cumsum(-1).flip(-1), None


class NormalisesIfTraining(Function):
    """In evaluation the divisor is a constant; backward takes it for the norm all the same."""

    @staticmethod
    def forward(ctx, x, training=True):
        ctx.save_for_backward(x)
        return x / x.norm(dim=-1, keepdim=True) if training else x / 2

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        norm = x.norm(dim=-1, keepdim=True)
        unit = x / norm
        return (grad_output - unit * (grad_output * unit).sum(-1, keepdim=True)) / norm, None


class TrainedLayer(nn.Module):
    """Calls a Function with a flag that its own users never set."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(normal(4, seed=3).detach())

    def forward(self, x):
        return self.gain * NormalisesIfTraining.apply(x)


class MovesAxesAgain(Function):
    """A permutation that is its own inverse hides that backward should apply the inverse."""

    @staticmethod
    def forward(ctx, x, order=(1, 0, 2)):
        ctx.order = order
        ctx.save_for_backward(x)
        return x.permute(order).exp()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.permute(ctx.order) * x.exp(), None


class MeansOverAxes(Function):
    """Restores the axes in front, where only the first was averaged away."""

    @staticmethod
    def forward(ctx, x, dims=(0,)):
        ctx.shape, ctx.dims = x.shape, dims
        return x.mean(dims)

    @staticmethod
    def backward(ctx, grad_output):
        count = 1
        for dim in ctx.dims:
            count *= ctx.shape[dim]
        return grad_output.expand(ctx.shape) / count, None


class TakesEverySecondColumn(Function):
    """The step along the rows was one in all tests, and backward knows of no other."""

    @staticmethod
    def forward(ctx, x, steps=(1, 2)):
        ctx.steps = steps
        ctx.save_for_backward(x)
        return x[:: steps[0], :: steps[1]].exp()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = torch.zeros_like(x)
        grad[:, :: ctx.steps[1]] = grad_output * x[:, :: ctx.steps[1]].exp()
        return grad, None


class TakesEverySecondRightly(TakesEverySecondColumn):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        rows, columns = ctx.steps
        grad = torch.zeros_like(x)
        grad[::rows, ::columns] = grad_output * x[::rows, ::columns].exp()
        return grad, None


def probabilities():
    logs = normal(3, 4).detach().log_softmax(-1).requires_grad_()
    return logs, normal(3, 4, seed=1).detach().softmax(-1)


class PoolsBy(Function):
    """The mean for "mean", else the sum: its backward always divides."""

    @staticmethod
    def forward(ctx, x, how="mean"):
        ctx.save_for_backward(x)
        return x.exp().mean(0) if how == "mean" else x.exp().sum(0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp() / len(x), None


def reduced(terms, how):
    return terms.mean() if how == "average" else terms.sum()


class ReducesInAHelper(Function):
    @staticmethod
    def forward(ctx, x, how="average"):
        ctx.save_for_backward(x)
        return reduced(x.exp(), how)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp() / max(x.numel(), 1), None


REDUCTIONS = {"total": torch.sum, "average": torch.mean}


class ReducesByATable(Function):
    """The words stand in a table of the module; any other is refused by a KeyError."""

    @staticmethod
    def forward(ctx, x, how="total"):
        ctx.save_for_backward(x)
        ctx.how = how
        return REDUCTIONS[how](x.exp())

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp(), None


class ReducesByATableRightly(ReducesByATable):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        count = {"total": 1, "average": x.numel()}[ctx.how]
        return grad_output * x.exp() / count, None


class ApproximatesInBackward(Function):
    """Forward hands the word on; backward alone compares it."""

    @staticmethod
    def forward(ctx, x, mode="exact"):
        ctx.kind = mode
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if ctx.kind == "fast":
            return grad_output * (1 - x * x / 2), None
        return grad_output * x.cos(), None


class ScalesInSetup(Function):
    @staticmethod
    def forward(x, units="radians"):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, units = inputs
        ctx.scale = 180 / torch.pi if units == "degrees" else 1.0
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return ctx.scale * grad_output * x.cos(), None


class RefusesAWordInBackward(Function):
    """A word that only the last branch of forward takes is refused late, which is no wrong gradient."""

    @staticmethod
    def forward(ctx, x, act="relu"):
        ctx.save_for_backward(x)
        ctx.act = act
        return x.relu() if act == "relu" else x.tanh()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if ctx.act == "relu":
            return grad_output * (x > 0), None
        if ctx.act == "tanh":
            return grad_output * (1 - x.tanh() ** 2), None
        raise ValueError(ctx.act)


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


def points_and_angle():
    return normal(4), normal(4, seed=1), 0.7


MODES = {
    "word_compared_in_a_helper": Mode(ReducesInAHelper, vector, "AG104", options=FULL),
    "word_of_a_table": Mode(ReducesByATable, vector, "AG104", options=FULL),
    "word_of_a_table_rightly": Mode(ReducesByATableRightly, vector, options=FULL),
    "word_compared_in_backward": Mode(ApproximatesInBackward, vector, "AG104", options=FULL),
    "word_compared_in_setup_context": Mode(ScalesInSetup, vector, "AG104", options=FULL),
    "word_refused_in_backward": Mode(RefusesAWordInBackward, vector, options=FULL),
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
    "word_of_the_last_branch": Mode(PoolsBy, matrix, "AG104", options=FULL),
    "word_told_apart_by_match": Mode(PadsAround, vector, "AG104", options=FULL),
    "every_word_has_its_branch": Mode(PadsAroundRightly, vector, options=FULL),
    "word_handed_on_to_torch": Mode(GeluByWord, vector, "AG104", options=FULL),
    "word_looked_up_in_a_dict": Mode(DivergenceBySize, probabilities, "AG104", options=FULL),
    "flag_left_out_after_a_number": Mode(RotatesBack, points_and_angle, "AG104", options=FULL),
    "flag_left_out_with_setup_context": Mode(SumsFromTheEnd, vector, "AG104", options=FULL),
    "flag_left_out_inside_a_module": Mode(TrainedLayer(), matrix, "AG104", options=FULL),
    "permutation_that_is_its_own_inverse": Mode(
        MovesAxesAgain, lambda: (normal(2, 3, 4),), "AG104", options=FULL
    ),
    "mean_over_the_first_axis": Mode(MeansOverAxes, matrix, "AG104", options=FULL),
    "step_of_one_along_an_axis": Mode(TakesEverySecondColumn, matrix, "AG104", options=FULL),
    "steps_of_any_size": Mode(TakesEverySecondRightly, matrix, options=FULL),
}
