"""Right in eager, and another function once torch.compile has traced it."""

import torch
from catalogue._mode import Mode, matrix, vector
from torch.autograd import Function

COMPILED = {"level": "full", "compile": True}


class ScalesIfCompiling(Function):
    """A shortcut for compiled code forgets a factor in backward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        share = 0.5 if torch.compiler.is_compiling() else 1.0
        return share * grad_output * x.exp()


def fused():
    return torch.compiler.is_dynamo_compiling()


class TakesAFusedBranch(Function):
    """By a helper, with ``setup_context``: the fused branch leaves the mean out."""

    @staticmethod
    def forward(x):
        return x * x if fused() else x * x - (x * x).mean()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * (grad_output if fused() else grad_output - grad_output.mean())


CALLS = []


class CountsForALog(Function):
    """Counts its calls for a log, and keeps nothing of them."""

    @staticmethod
    def forward(ctx, x):
        CALLS.append(tuple(x.shape))
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        CALLS.clear()
        return grad_output * x.exp()


class ApproximatesIfCompiling(ScalesIfCompiling):
    """Forward agrees to the fourth digit, its derivative to the third."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp() + (1e-4 * x.sin() if torch.compiler.is_compiling() else 0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp()


SETTINGS = {"scale": 2.0}


class ReadsASetting(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.scale = SETTINGS["scale"]
        return x * ctx.scale

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.scale


MODES = {
    "scales_if_compiling": Mode(ScalesIfCompiling, vector, "AG606", options=COMPILED),
    "fused_branch_if_compiling": Mode(TakesAFusedBranch, matrix, "AG606", options=COMPILED),
    "approximates_if_compiling": Mode(ApproximatesIfCompiling, vector, "AG606", options=COMPILED),
    "counts_its_calls_compiled": Mode(CountsForALog, vector, options=COMPILED),
    "reads_a_setting_compiled": Mode(ReadsASetting, matrix, options=COMPILED),
}
