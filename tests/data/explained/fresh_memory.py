"""Memory that is read before it is written, and faults that are there without it too."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from catalogue._mode import normal, two_vectors, vector
from explained._pair import Pair, Shown
from explained.in_place import in_memory_order
from torch import Tensor
from torch.autograd import Function
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_autograd.facts.uninitialised import EMPTY


class Garbage(TorchDispatchMode):
    """Fills fresh memory with another number each time, or where ``calm`` says so with zero."""

    def __init__(self, calm: Callable[[Tensor, int], bool] = lambda tensor, number: False) -> None:
        super().__init__()
        self.numbers, self.calm = itertools.count(), calm

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in EMPTY and result.is_floating_point() and result.device.type != "meta":
            number = next(self.numbers)
            result.fill_(0.0 if self.calm(result, number) else 3.0 + 7 * (number % 101))
        return result


at_five_in_float64 = partial(
    Garbage, lambda tensor, number: tensor.shape == (5,) and tensor.dtype == torch.float64
)
in_float64 = partial(Garbage, lambda tensor, number: tensor.dtype == torch.float64)
at_first = partial(Garbage, lambda tensor, number: number < 60)


def rest_of(values, start=1):
    """Return a copy of ``values`` whose first rows nobody writes."""
    copy = torch.empty(values.shape, dtype=values.dtype)
    copy[start:] = values[start:]
    return copy


def only_kept(values, keep):
    """Return ``values`` where ``keep`` is, in memory that nobody has cleared."""
    return torch.empty(values.shape, dtype=values.dtype).masked_scatter(keep, values[keep])


class Sum(Function):
    """The first row of the gradient by x is left out."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.sin() + y**3

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), grad_output * 3 * y.square()


class TwoOutputs(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.sin(), y**3

    @staticmethod
    def backward(ctx, grad_sine, grad_cube):
        x, y = ctx.saved_tensors
        return rest_of(grad_sine * x.cos()), grad_cube * 3 * y.square()


class WithoutZeros(TwoOutputs):
    @staticmethod
    def forward(ctx, x, y):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, y)
        return x.sin(), y**3


class BesideAFactor(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), grad_output * 2 * y.square()


class BesideAClamp(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), grad_output.clamp(-0.1, 0.1) * 3 * y.square()


class BesideNoise(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), grad_output * (y + torch.rand_like(y))


class BesideState(Sum):
    latest = None

    @staticmethod
    def forward(ctx, x, y):
        BesideState.latest = y.detach().clone()
        return Sum.forward(ctx, x, y)

    @staticmethod
    def backward(ctx, grad_output):
        x, _ = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), grad_output * 3 * BesideState.latest.square()


class BesideAPop(Sum):
    @staticmethod
    def forward(ctx, x, y):
        ctx.left = [3]
        return Sum.forward(ctx, x, y)

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), grad_output * ctx.left.pop() * y.square()


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


class InMemoryOrderOfGradOutput(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), in_memory_order(grad_output) * 3 * y.square()


class InMemoryOrderOfItsInput(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), grad_output * 3 * in_memory_order(y).square()


class NeedsBoth(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        factor = 3 if all(ctx.needs_input_grad) else 2
        return rest_of(grad_output * x.cos()), grad_output * factor * y.square()


class ByAddress(Sum):
    """Knows a saved tensor by its address."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.address = y.data_ptr()
        return Sum.forward(ctx, x, y)

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        factor = 3 if y.data_ptr() == ctx.address else 2
        return rest_of(grad_output * x.cos()), grad_output * factor * y.square()


class Product(Function):
    """A matrix product, whose gradient by the bias has a first element that nobody writes."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        product = x @ weight
        return product + bias.to(product.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad = grad_output.to(x.dtype)
        return grad @ weight.t(), x.t() @ grad, rest_of(grad.sum(0))


class ProductInOneDtype(Product):
    @staticmethod
    def backward(ctx, grad_output):
        x, _ = ctx.saved_tensors
        by_x, by_weight, by_bias = Product.backward(ctx, grad_output)
        return by_x, by_weight * (1 if grad_output.dtype == x.dtype else 3), by_bias


def for_a_product():
    return normal(3, 4), normal(4, 2, seed=1), normal(2, seed=2)


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


class SecondHalf(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return rest_of(grad_output * x.cos(), start=5)


class MasksItself(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.sin() + y**3

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return rest_of(grad_output * x.cos()), (grad_output * 3 * y.square()).nan_to_num()


class ByJvp(Function):
    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return rest_of(grad_output * x.cos())

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return only_kept(tangent * x.cos(), x > float("-inf")) + 0 * only_kept(x, x > 9)


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


AUTOCAST = {"autocast": True}
PAIRS = {
    ("AG309", "AG101"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(BesideAFactor, two_vectors, inside=Garbage)
    ),
    ("AG309", "AG102"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(BesideAClamp, two_vectors, inside=Garbage)
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
    ("AG309", "AG107"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(BesideNoise, two_vectors, inside=Garbage)
    ),
    ("AG309", "AG108"): Pair(
        Shown(Masked, vector, inside=in_float64),
        Shown(MaskedBesideALowSum, two_vectors, inside=in_float64),
    ),
    ("AG309", "AG110"): Pair(
        Shown(SecondHalf, vector, inside=Garbage), Shown(MasksItself, two_vectors, inside=Garbage)
    ),
    ("AG309", "AG206"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(BesideState, two_vectors, inside=Garbage)
    ),
    ("AG309", "AG307"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(BesideAPop, two_vectors, inside=Garbage)
    ),
    ("AG309", "AG406"): Pair(
        Shown(TwoOutputs, two_vectors, inside=Garbage),
        Shown(WithoutZeros, two_vectors, inside=Garbage),
    ),
    ("AG309", "AG407"): Pair(
        Shown(Sum, lambda: (normal(3, 4), normal(3, 4, seed=1)), inside=Garbage),
        Shown(
            InMemoryOrderOfGradOutput,
            lambda: (normal(3, 4), normal(3, 4, seed=1)),
            inside=Garbage,
        ),
    ),
    ("AG309", "AG408"): Pair(
        Shown(Sum, lambda: (normal(3, 4), normal(3, 4, seed=1)), inside=Garbage),
        Shown(
            InMemoryOrderOfItsInput, lambda: (normal(3, 4), normal(3, 4, seed=1)), inside=Garbage
        ),
    ),
    ("AG309", "AG410"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(NeedsBoth, two_vectors, inside=Garbage)
    ),
    ("AG309", "AG504"): Pair(
        Shown(MaskedByJvp, vector, inside=Garbage),
        Shown(MaskedByAnotherJvp, vector, inside=Garbage),
    ),
    ("AG309", "AG601"): Pair(
        Shown(MaskedByJvp, vector, inside=Garbage), Shown(MaskedByAddress, vector, inside=Garbage)
    ),
    ("AG309", "AG604"): Pair(
        Shown(Product, for_a_product, AUTOCAST, Garbage),
        Shown(ProductInOneDtype, for_a_product, AUTOCAST, Garbage),
    ),
    ("AG309", "AG606"): Pair(
        Shown(Masked, vector, {"compile": True}, Garbage),
        "what is compiled is not compiled again without the fault: that takes seconds",
    ),
    ("AG309", "AG607"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(ByAddress, two_vectors, inside=Garbage)
    ),
}
