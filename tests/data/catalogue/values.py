"""The numbers that backward returns are wrong at the given inputs."""

import torch
from catalogue._mode import FULL, Mode, matrix, normal, two_matrices, two_vectors, vector
from torch.autograd import Function


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x


class Product(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y


class MatrixProduct(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight


class WrongSign(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return -2 * x * grad_output


class FactorIsMissing(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x * grad_output


class GradOutputIsIgnored(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x


class LossIgnoresGradOutput(Function):
    @staticmethod
    def forward(ctx, prediction, target):
        ctx.save_for_backward(prediction, target)
        return (prediction - target).square().mean()

    @staticmethod
    def backward(ctx, grad_output):
        prediction, target = ctx.saved_tensors
        grad = 2 * (prediction - target) / prediction.numel()
        return grad, -grad


class SquaresGradOutput(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output * grad_output


class ClampsTheGradient(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (2 * x * grad_output).clamp(-1, 1)


class NormalisesTheGradient(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = 2 * x * grad_output
        return grad / grad.norm().clamp(min=1)


class LooksAtTheSignOfGradOutput(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * torch.where(grad_output > 0, grad_output, torch.zeros_like(grad_output))


class HidesNanOfGradOutput(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * torch.nan_to_num(grad_output)


class GradientsAreSwapped(Product):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * x, grad_output * y


class WeightGradientIsTransposed(MatrixProduct):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return (
            grad_output @ weight.mT if ctx.needs_input_grad[0] else None,
            grad_output.mT @ x if ctx.needs_input_grad[1] else None,
        )


class WrongAxisIsSummed(Function):
    @staticmethod
    def forward(ctx, x, bias):
        return x + bias

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output.sum(1)


class CrossTermsAreMissing(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.softmax(-1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y * (1 - y)


class OneOfTwoInputsGetsNone(Product):
    @staticmethod
    def backward(ctx, grad_output):
        _, y = ctx.saved_tensors
        return grad_output * y, None


class SecondOutputIsForgotten(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos()


class TinyGradientIsZero(Function):
    @staticmethod
    def forward(ctx, x):
        return 1e-7 * x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        return torch.zeros_like(grad_output)


class DropsAnotherMaskInBackward(Function):
    @staticmethod
    def forward(ctx, x):
        return x * (torch.rand_like(x) > 0.5)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * (torch.rand_like(grad_output) > 0.5)


class ConjugateIsMissing(Product):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y, grad_output * x


class NumpyForwardWrongBackward(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(x.detach().numpy() ** 3)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 * x * x


class StraightThrough(Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class Relu(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x > 0)


class RightProduct(Product):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y, grad_output * x


def a_complex_pair():
    return normal(4, dtype=torch.complex128), normal(4, seed=1, dtype=torch.complex128)


def equal_inputs():
    return normal(5), normal(5)


def partly_zero():
    return (torch.tensor([-1.0, 0.0, 2.0, 0.0], dtype=torch.float64, requires_grad=True),)


def the_same_tensor_twice():
    x = normal(5)
    return x, x


MODES = {
    "wrong_sign": Mode(WrongSign, vector, "AG101"),
    "factor_is_missing": Mode(FactorIsMissing, vector, "AG101"),
    "grad_output_is_ignored": Mode(GradOutputIsIgnored, vector, "AG101"),
    "loss_ignores_grad_output": Mode(LossIgnoresGradOutput, two_vectors, "AG101"),
    "squares_grad_output": Mode(SquaresGradOutput, vector, "AG102"),
    "clamps_the_gradient": Mode(ClampsTheGradient, vector, "AG102"),
    "normalises_the_gradient": Mode(NormalisesTheGradient, vector, "AG102"),
    "looks_at_the_sign_of_grad_output": Mode(LooksAtTheSignOfGradOutput, vector, "AG102"),
    "hides_nan_of_grad_output": Mode(HidesNanOfGradOutput, vector, warnings=frozenset({"AG110"})),
    "gradients_are_swapped": Mode(GradientsAreSwapped, two_vectors, "AG101"),
    "gradients_are_swapped_and_the_inputs_are_equal": Mode(
        GradientsAreSwapped, equal_inputs, "AG104", options=FULL
    ),
    "weight_gradient_is_transposed": Mode(WeightGradientIsTransposed, two_matrices, "AG101"),
    "wrong_axis_is_summed": Mode(WrongAxisIsSummed, lambda: (normal(3, 3), normal(3)), "AG101"),
    "cross_terms_are_missing": Mode(CrossTermsAreMissing, matrix, "AG101"),
    "one_of_two_inputs_gets_none": Mode(OneOfTwoInputsGetsNone, two_vectors, "AG103"),
    "second_output_is_forgotten": Mode(SecondOutputIsForgotten, vector, "AG101"),
    "tiny_gradient_is_zero": Mode(TinyGradientIsZero, vector, "AG101"),
    "drops_another_mask_in_backward": Mode(DropsAnotherMaskInBackward, matrix, "AG107"),
    "conjugate_is_missing": Mode(ConjugateIsMissing, a_complex_pair, "AG101"),
    "numpy_forward_wrong_backward": Mode(NumpyForwardWrongBackward, vector, "AG101"),
    "straight_through_without_a_contract": Mode(StraightThrough, vector, "AG101"),
    "straight_through_with_its_contract": Mode(
        StraightThrough, vector, options={"surrogate": lambda x: x.clone()}
    ),
    "relu_at_its_kink": Mode(Relu, partly_zero, notes=frozenset({"AG111"}), options=FULL),
    "the_same_tensor_twice": Mode(RightProduct, the_same_tensor_twice),
}
