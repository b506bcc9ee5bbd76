"""Words that a helper, a table or backward compares: each has its branch, and one of the branches is wrong."""

import torch
from catalogue._mode import FULL, Mode, vector
from torch.autograd import Function


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


MODES = {
    "word_compared_in_a_helper": Mode(ReducesInAHelper, vector, "AG104", options=FULL),
    "word_of_a_table": Mode(ReducesByATable, vector, "AG104", options=FULL),
    "word_of_a_table_rightly": Mode(ReducesByATableRightly, vector, options=FULL),
    "word_compared_in_backward": Mode(ApproximatesInBackward, vector, "AG104", options=FULL),
    "word_compared_in_setup_context": Mode(ScalesInSetup, vector, "AG104", options=FULL),
    "word_refused_in_backward": Mode(RefusesAWordInBackward, vector, options=FULL),
}
