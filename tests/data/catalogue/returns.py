"""What backward returns has the wrong number, shape or kind."""

import torch
from catalogue._mode import Mode, normal, two_vectors, vector
from torch.autograd import Function
from torch.autograd.function import once_differentiable

NOTED_SHAPE = frozenset({"AG401"})


class PlusBias(Function):
    @staticmethod
    def forward(ctx, x, bias):
        return x + bias


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x


class BroadcastIsNotSummed(PlusBias):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output


class GradientIsASum(PlusBias):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output.sum()


class GradientIsAColumn(PlusBias):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output.sum(0).unsqueeze(1)


class GradientIsARow(PlusBias):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output.sum(0, keepdim=True)


class OuterProductIsReturned(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output * weight, torch.outer(grad_output, x)


class ComplexGradientForARealInput(Function):
    @staticmethod
    def forward(ctx, x):
        return x * (1 + 2j)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * (1 - 2j)


class Power(Function):
    @staticmethod
    def forward(ctx, x, exponent):
        ctx.save_for_backward(x)
        ctx.exponent = exponent
        return x**exponent


class NoneForTheExponentIsMissing(Power):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * ctx.exponent * x ** (ctx.exponent - 1)


class NonesAreMisaligned(Power):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return None, grad_output * ctx.exponent * x ** (ctx.exponent - 1)


class TrailingNones(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output, None, None


class BiasMayBeNone(Function):
    @staticmethod
    def forward(ctx, x, bias=None):
        return x.clone() if bias is None else x + bias

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output


class GradientForAnIndex(Function):
    @staticmethod
    def forward(ctx, x, index):
        ctx.save_for_backward(index)
        ctx.length = len(x)
        return x[index]

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        grad = grad_output.new_zeros(ctx.length).index_add(0, index, grad_output)
        return grad, torch.zeros_like(index)


class SparseGradient(Square):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (2 * x * grad_output).to_sparse()


class TransposedGradientMemory(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (2 * x.mT.contiguous() * grad_output.mT.contiguous()).mT


class TakesTooFewGradients(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos()


class ForgetsTheNonTensorOutput(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), "sine"

    @staticmethod
    def backward(ctx, grad_sin):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos()


class BoxedButTakesStar(Function):
    boxed_grads_call = True

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos() - grad_cos * x.sin()


class BoxedListTakenForATensor(Square):
    boxed_grads_call = True

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class BoxedGradients(BoxedButTakesStar):
    @staticmethod
    def backward(ctx, grads):
        (x,) = ctx.saved_tensors
        grad_sin, grad_cos = grads
        grads.clear()
        return grad_sin * x.cos() - grad_cos * x.sin()


class BoxedGradientsMutated(Square):
    boxed_grads_call = True

    @staticmethod
    def backward(ctx, grads):
        (x,) = ctx.saved_tensors
        (grad_output,) = grads
        return grad_output.mul_(2 * x)


class BackwardAndVjp(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output

    vjp = backward


def with_a_bias():
    return normal(3, 4), normal(4, seed=1)


def with_an_exponent():
    return normal(5), 2


def with_an_index():
    return normal(5), torch.tensor([1, 3, 1])


MODES = {
    "broadcast_is_not_summed": Mode(BroadcastIsNotSummed, with_a_bias, notes=NOTED_SHAPE),
    "gradient_is_a_sum": Mode(GradientIsASum, with_a_bias, "AG401"),
    "gradient_is_a_column": Mode(GradientIsAColumn, with_a_bias, "AG401"),
    "gradient_is_a_row": Mode(GradientIsARow, with_a_bias, notes=NOTED_SHAPE),
    "outer_product_is_returned": Mode(OuterProductIsReturned, two_vectors, "AG401"),
    "complex_gradient_for_a_real_input": Mode(ComplexGradientForARealInput, vector, "AG002"),
    "none_for_the_exponent_is_missing": Mode(
        NoneForTheExponentIsMissing, with_an_exponent, "AG004"
    ),
    "nones_are_misaligned": Mode(NonesAreMisaligned, with_an_exponent, "AG405"),
    "trailing_nones": Mode(TrailingNones, vector),
    "gradient_for_a_bias_that_is_none": Mode(BiasMayBeNone, lambda: (normal(5), None), "AG405"),
    "gradient_for_an_index": Mode(GradientForAnIndex, with_an_index),
    "sparse_gradient": Mode(SparseGradient, lambda: (normal(3, 4),)),
    "transposed_gradient_memory": Mode(TransposedGradientMemory, lambda: (normal(3, 4),)),
    "takes_too_few_gradients": Mode(TakesTooFewGradients, vector, "AG002"),
    "forgets_the_non_tensor_output": Mode(ForgetsTheNonTensorOutput, vector, "AG002"),
    "boxed_but_takes_star": Mode(BoxedButTakesStar, vector, "AG002"),
    "boxed_list_taken_for_a_tensor": Mode(BoxedListTakenForATensor, vector, "AG002"),
    "boxed_gradients": Mode(BoxedGradients, vector),
    "boxed_gradients_mutated": Mode(BoxedGradientsMutated, vector, "AG301"),
    "backward_and_vjp": Mode(BackwardAndVjp, vector, "AG002"),
}
