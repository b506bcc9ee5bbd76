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


class MixesDtypes(Function):
    """A product with a matrix that is float64, whatever the inputs are."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        needs_x, needs_weight = ctx.needs_input_grad
        eye = torch.eye(len(weight), dtype=torch.float64)
        grad_x = grad_output @ weight.t() if needs_x else None
        return grad_x, eye @ (x.t() @ grad_output) if needs_weight else None


class WritesIntoFloat64(MixesDtypes):
    @staticmethod
    def forward(x, weight):
        return x @ weight

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        needs_x, needs_weight = ctx.needs_input_grad
        grad_weight = torch.zeros(weight.shape, dtype=torch.float64)
        if needs_weight:
            grad_weight = grad_weight.addmm(x.t(), grad_output)
        return (
            grad_output @ weight.t() if needs_x else None,
            grad_weight if needs_weight else None,
        )


class GathersIntoFloat64(Function):
    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(index)
        ctx.shape = table.shape
        return table[index]

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        grad = torch.zeros(ctx.shape, dtype=torch.float64)
        return grad.index_add(0, index, grad_output), None


class RefusesFloat32Late(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        if grad_output.dtype != torch.float64:
            raise NotImplementedError("float64 only")
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class RefusesFloat32InForward(RefusesFloat32Late):
    @staticmethod
    def forward(ctx, x):
        if x.dtype != torch.float64:
            raise NotImplementedError("float64 only")
        return RefusesFloat32Late.forward(ctx, x)


def factors():
    return normal(3, 5), normal(5, 2, seed=1)


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
    "mixes_dtypes_in_float32": Mode(MixesDtypes, factors, "AG108", options=FULL),
    "writes_float32_into_float64": Mode(WritesIntoFloat64, factors, "AG108", options=FULL),
    "gathers_float32_into_float64": Mode(
        GathersIntoFloat64,
        lambda: (normal(4, 3), torch.tensor([0, 3, 3])),
        "AG108",
        options=FULL,
    ),
    "refuses_float32_late": Mode(RefusesFloat32Late, vector, warnings=warns("AG108"), options=FULL),
    "refuses_float32_in_forward": Mode(RefusesFloat32InForward, vector, options=FULL),
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
