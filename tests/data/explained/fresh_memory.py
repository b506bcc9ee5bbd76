"""Memory that is read before it is written, and faults that are there without it too."""

import torch
from catalogue._mode import normal, two_vectors, vector
from explained._garbage import Garbage, rest_of
from explained._pair import Pair, Shown
from explained.in_place import in_memory_order
from torch.autograd import Function


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


AUTOCAST = {"autocast": True}
PAIRS = {
    ("AG309", "AG101"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(BesideAFactor, two_vectors, inside=Garbage)
    ),
    ("AG309", "AG102"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(BesideAClamp, two_vectors, inside=Garbage)
    ),
    ("AG309", "AG107"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(BesideNoise, two_vectors, inside=Garbage)
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
    ("AG309", "AG604"): Pair(
        Shown(Product, for_a_product, AUTOCAST, Garbage),
        Shown(ProductInOneDtype, for_a_product, AUTOCAST, Garbage),
    ),
    ("AG309", "AG607"): Pair(
        Shown(Sum, two_vectors, inside=Garbage), Shown(ByAddress, two_vectors, inside=Garbage)
    ),
}
