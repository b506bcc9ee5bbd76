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


def points_and_angle():
    return normal(4), normal(4, seed=1), 0.7


MODES = {
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
