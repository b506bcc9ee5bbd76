"""Gradients that a mask leaves as memory holds them: right as long as it is zero."""

import torch
from catalogue._mode import two_vectors, vector
from explained._garbage import Garbage, at_first, at_five_in_float64, in_float64, only_kept
from explained._pair import Pair, Shown
from torch.autograd import Function


class BesideZeroByZero(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.clamp(min=0) + y.square()

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return only_kept(grad_output, x > 0), grad_output * 2 * y**3 / y.square()


class InverseOfWhatItLeft(Function):
    """Where the gradient is zero it is one by what lies in memory: infinite where that is zero."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / only_kept(torch.ones_like(x), x > 0)


class Masked(Function):
    """Right as long as fresh memory is zero."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return only_kept(grad_output, x > 0)


class MaskedBesideABranch(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.clamp(min=0) + y**3

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return only_kept(grad_output, x > 0), grad_output * 3 * y.square().clamp(max=25)


class MaskedBesideASize(MaskedBesideABranch):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        factor = 3 if len(y) == 5 else 2
        return only_kept(grad_output, x > 0), grad_output * factor * y.square()


class MaskedBesideALowSum(Function):
    """In low precision a sum is off that is right in float64."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.clamp(min=0) + y**3

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        low = y.dtype in (torch.bfloat16, torch.float16)
        return only_kept(grad_output, x > 0), grad_output * (2 if low else 3) * y.square()


class MaskedByJvp(Function):
    """Forward zeroes what is negative; both derivatives leave it as it lies in memory."""

    @staticmethod
    def forward(x):
        return x.clamp(min=0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return only_kept(grad_output, x > 0)

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return only_kept(tangent, x > 0)


class MaskedByAnotherJvp(MaskedByJvp):
    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return 3 * tangent * (x > 0)


class MaskedByAddress(MaskedByJvp):
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)
        ctx.address = inputs[0].data_ptr()


class ALittleOfWhatItLeft(Function):
    """Right but for a trace of what lies in fresh memory."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos() + 1e-8 * torch.empty(x.shape, dtype=x.dtype)


PAIRS = {
    ("AG309", "AG113"): Pair(
        Shown(ALittleOfWhatItLeft, vector, inside=Garbage),
        "how much of fresh memory gets in hangs on what lies there: a small error tells no other cause",
    ),
    ("AG309", "AG104"): Pair(
        Shown(Masked, vector, inside=at_first),
        Shown(MaskedBesideABranch, two_vectors, inside=at_first),
    ),
    ("AG309", "AG105"): Pair(
        Shown(Masked, vector, inside=at_five_in_float64),
        Shown(MaskedBesideASize, two_vectors, inside=at_five_in_float64),
    ),
    ("AG309", "AG106"): Pair(
        Shown(InverseOfWhatItLeft, vector, inside=in_float64),
        Shown(BesideZeroByZero, two_vectors, inside=Garbage),
    ),
    ("AG309", "AG108"): Pair(
        Shown(Masked, vector, inside=in_float64),
        Shown(MaskedBesideALowSum, two_vectors, inside=in_float64),
    ),
    ("AG309", "AG504"): Pair(
        Shown(MaskedByJvp, vector, inside=Garbage),
        Shown(MaskedByAnotherJvp, vector, inside=Garbage),
    ),
    ("AG309", "AG601"): Pair(
        Shown(MaskedByJvp, vector, inside=Garbage), Shown(MaskedByAddress, vector, inside=Garbage)
    ),
    ("AG309", "AG606"): Pair(
        Shown(Masked, vector, {"compile": True}, Garbage),
        "what is compiled is not compiled again without the fault: that takes seconds",
    ),
}
