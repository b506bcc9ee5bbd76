"""Faults in the dtype given, or in one that is trained in: branches on the dtype, tables without an entry."""

from typing import ClassVar

import torch
from catalogue._mode import FULL, Mode, normal
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16


class SlopesByWidth(Function):
    """Narrow floats take a cheaper function in forward: backward is that of the dear one."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sigmoid() if x.dtype.itemsize > 2 else (x / 6 + 0.5).clamp(0, 1)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        s = x.sigmoid()
        return grad_output * s * (1 - s)


class SlopesByWidthRightly(SlopesByWidth):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if x.dtype.itemsize > 2:
            s = x.sigmoid()
            return grad_output * s * (1 - s)
        return grad_output * (x.abs() < 3) / 6


class ScaledIfHalf(Function):
    """The sum is scaled down in float16, lest it overflow; backward does not scale. Two inputs, ``setup_context``."""

    @staticmethod
    def forward(x, weight):
        total = (x * weight).sum(-1)
        return total / 16 if x.dtype == torch.float16 else total

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad = grad_output[:, None] * torch.ones_like(x)
        return grad * weight, (grad * x).sum(0)


class SquaresBelowFloat64(Function):
    """Forward has one path for float64 tests and another for what is trained in."""

    @staticmethod
    def forward(ctx, x, power):
        ctx.save_for_backward(x)
        ctx.power = power
        return x.abs() ** (power if x.dtype == torch.float64 else power + 1)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * ctx.power * x.abs() ** (ctx.power - 1) * x.sign(), None


class FactorByDtype(Function):
    """A table of constants by dtype: the entry for float32 was never filled in."""

    FACTORS: ClassVar = {torch.float64: 3.0}

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return FactorByDtype.FACTORS.get(x.dtype, 1.0) * x * x * grad_output


class ReadsBits(Function):
    """Takes the sign from the bits of a double, whatever the dtype is."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        negative = (
            x.view(torch.int64) < 0 if x.dtype.itemsize == 8 else torch.zeros_like(x, dtype=bool)
        )
        return torch.where(negative, -grad_output, grad_output)


class TinyDivisor(Function):
    """Divides by a number that float32 rounds to zero: right in float64 only."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * x * (grad_output * 0 + 1e-60) / 1e-60


class LooksUpItsKernel(Function):
    """Backward has no kernel for bfloat16."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.tanh()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        unit = {torch.float64: 1.0, torch.float32: 1.0}[x.dtype]
        return grad_output * (unit - x.tanh().square())


def in_bfloat16(x):
    return LooksUpItsKernel.apply(x.bfloat16()).to(x.dtype)


def as_it_comes(x):
    return 2 * LooksUpItsKernel.apply(x)


class HalfLayer(nn.Module):
    """Casts its input down before it calls the Function, as mixed precision by hand does."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(normal(5, seed=4).detach().float())

    def forward(self, x):
        return LooksUpItsKernel.apply((x + self.shift).bfloat16()).float()


def one(dtype):
    return lambda: (normal(5, dtype=dtype),)


MODES = {
    "cheaper_function_in_bfloat16": Mode(SlopesByWidth, one(BF16), "AG108"),
    "cheaper_function_with_its_own_slope": Mode(SlopesByWidthRightly, one(BF16)),
    "scaled_down_in_float16": Mode(
        ScaledIfHalf, lambda: (normal(3, 4, dtype=F16), normal(4, seed=1, dtype=F16)), "AG108"
    ),
    "another_path_for_float64": Mode(
        SquaresBelowFloat64, lambda: (normal(5, dtype=F32), 2), "AG108"
    ),
    "factor_by_dtype": Mode(FactorByDtype, one(torch.float64), "AG108", options=FULL),
    "bits_of_a_double": Mode(ReadsBits, one(torch.float64), "AG108", options=FULL),
    "tiny_divisor": Mode(TinyDivisor, one(torch.float64), "AG108", options=FULL),
    "no_kernel_for_what_a_callable_casts_to": Mode(in_bfloat16, one(F32), "AG002"),
    "no_kernel_for_what_a_callable_gets": Mode(as_it_comes, one(BF16), "AG002"),
    "no_kernel_for_what_a_module_casts_to": Mode(HalfLayer(), one(F32), "AG002"),
    "every_dtype_has_its_kernel": Mode(as_it_comes, one(F32)),
}
