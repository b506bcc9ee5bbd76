"""Faults that no rule sees at the given call, each pinned by a Function that passes, with the reason."""

import torch
from catalogue._mode import Gap, normal, vector
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class ConjugateIsMissing(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class ReturnsASavedTensorForOne(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(scale)
        return (x * scale).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (scale,) = ctx.saved_tensors
        return (scale if grad_output == 1 else scale * grad_output), None


class WrongForOneValue(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x == 0.123, x, 2 * x) * grad_output


class WrongAboveALargeSize(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (2 if x.numel() < 10_000_000 else 1) * x * grad_output


GAPS = {
    "conjugate_is_missing_and_inputs_are_real": Gap(
        ConjugateIsMissing,
        vector,
        "real inputs hide it, and a Function that never meant complex ones must not be blamed: pass complex inputs",
    ),
    "returns_a_saved_tensor_if_grad_output_is_one": Gap(
        ReturnsASavedTensorForOne,
        lambda: (normal(5), normal(5, seed=1).detach()),
        "the shortcut needs a grad_output of exactly one, and hurts only who edits what autograd.grad returned",
    ),
    "wrong_for_one_value": Gap(
        WrongForOneValue, vector, "no sampling meets a single value that the code singles out"
    ),
    "wrong_above_a_large_size": Gap(
        WrongAboveALargeSize,
        vector,
        "sizes are tried up to a bound on the elements, to be done in time",
    ),
}

#: What check() cannot even be asked here, in the same words.
UNTESTED = {
    "compiled_torch_func_drops_backward": "a fault of torch (pytorch#193279), not of the Function",
    "saved_tensor_edited_by_the_caller": "the caller's fault: torch raises, or .data hides it from everybody",
    "output_edited_by_the_caller_while_on_ctx": "AG202 tells the cause, the output on ctx",
}
