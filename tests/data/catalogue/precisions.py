"""Right in the given dtype and on the given device, or only nearly: another one shows the fault."""

import torch
from catalogue._mode import FULL, Mode, normal, vector
from torch.autograd import Function


class Tanh(Function):
    """1 - tanh^2 loses its digits where tanh is nearly one, as autograd's own formula does."""

    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * (1 - y * y)


class SumsInLowPrecision(Function):
    @staticmethod
    def forward(ctx, x, bias):
        return x + bias

    @staticmethod
    def backward(ctx, grad_output):
        total = grad_output.new_zeros(grad_output.shape[1:])
        for row in grad_output:
            total = total + row
        return grad_output, total


class GradientElsewhere(Function):
    """Makes a buffer on a fixed device; meta stands for any that is not the input's."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output * weight, torch.zeros(x.shape, dtype=x.dtype, device="meta")


class CastsToFloat32(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output * x.cos()).float()


class CastsToBfloat16(CastsToFloat32):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output * x.cos()).bfloat16()


class WidensToFloat32(CastsToFloat32):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.float() * x.float().cos()


class ComputesInFloat32(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.float().sin().to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.float().cos().to(x.dtype)


def warns(code):
    return frozenset({code})


def sine(is_wide):
    """Return a sine whose backward takes another branch for wide inputs, where it is wrong."""

    class Sine(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return grad_output * (x.sin() if is_wide(x) else x.cos())

    return Sine


BY_DTYPE = sine(lambda x: x.dtype == torch.float64)
BY_BYTES = sine(lambda x: x.element_size() == 8)
BY_EPSILON = sine(lambda x: torch.finfo(x.dtype).eps < 1e-10)


def single():
    return (normal(5, dtype=torch.float32),)


MODES = {
    "cancellation_at_large_inputs": Mode(
        Tanh, lambda: ((normal(5) * 12).detach().requires_grad_(),), options=FULL
    ),
    "sums_in_low_precision": Mode(
        SumsInLowPrecision,
        lambda: (normal(6, 3), normal(3, seed=1)),
        warnings=warns("AG108"),
        options=FULL,
    ),
    "casts_to_float32": Mode(CastsToFloat32, vector, warnings=warns("AG402")),
    "casts_to_bfloat16": Mode(CastsToBfloat16, vector, "AG101", warnings=warns("AG402")),
    "gradient_on_another_device": Mode(
        GradientElsewhere, lambda: (normal(3), normal(3, seed=1)), "AG404"
    ),
    "widens_to_float32": Mode(
        WidensToFloat32, lambda: (normal(5, dtype=torch.bfloat16),), warnings=warns("AG402")
    ),
    "computes_in_float32_inside": Mode(ComputesInFloat32, vector, options=FULL),
    "wrong_only_in_the_float64_that_nobody_gave": Mode(BY_DTYPE, single, "AG108"),
    "wrong_only_in_eight_bytes_that_nobody_gave": Mode(BY_BYTES, single, "AG108"),
    "wrong_only_at_an_epsilon_that_nobody_gave": Mode(
        BY_EPSILON, lambda: (normal(5, dtype=torch.bfloat16),), "AG108"
    ),
    "wrong_in_the_float64_that_was_given": Mode(BY_DTYPE, vector, "AG101"),
}
