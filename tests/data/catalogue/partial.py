"""Right while everything is trained: with some inputs frozen, forward or backward raises, or other gradients change."""

import torch
from catalogue._mode import Mode, normal
from torch import nn
from torch.autograd import Function


class MixesThree(Function):
    """a * b + b * c + c * a: each gradient is the sum of the other two, times ``grad_output``."""

    @staticmethod
    def forward(ctx, a, b, c):
        ctx.save_for_backward(a, b, c)
        return a * b + b * c + c * a


class WrongWithTwoOfThreeFrozen(MixesThree):
    """A shortcut for a lone argument takes the product for the sum."""

    @staticmethod
    def backward(ctx, grad_output):
        a, b, c = ctx.saved_tensors
        if sum(ctx.needs_input_grad) == 1:
            return tuple(
                grad_output * other if need else None
                for need, other in zip(ctx.needs_input_grad, (b * c, a * c, a * b), strict=True)
            )
        return grad_output * (b + c), grad_output * (a + c), grad_output * (a + b)


class WrongForOnePair(MixesThree):
    """The first and the last are frozen together in no test of the author's."""

    @staticmethod
    def backward(ctx, grad_output):
        a, b, c = ctx.saved_tensors
        first, second, third = ctx.needs_input_grad
        grad_b = grad_output * (a + c) if first or third else grad_output * a
        return (
            grad_output * (b + c) if first else None,
            grad_b if second else None,
            grad_output * (a + b) if third else None,
        )


class RightForEverySubset(MixesThree):
    @staticmethod
    def backward(ctx, grad_output):
        a, b, c = ctx.saved_tensors
        sums = (b + c, a + c, a + b)
        return tuple(
            grad_output * other if need else None
            for need, other in zip(ctx.needs_input_grad, sums, strict=True)
        )


class FiveWeights(Function):
    """A polynomial; with all but the first coefficient frozen, backward gives that of the second."""

    @staticmethod
    def forward(ctx, x, c0, c1, c2, c3):
        ctx.save_for_backward(x, c1, c2, c3)
        return c0 + x * (c1 + x * (c2 + x * c3))

    @staticmethod
    def backward(ctx, grad_output):
        x, c1, c2, c3 = ctx.saved_tensors
        grad_x = grad_output * (c1 + x * (2 * c2 + 3 * x * c3))
        powers = [grad_output * x**n for n in range(4)]
        if ctx.needs_input_grad == (False, True, False, False, False):
            powers[0] = powers[1]
        return grad_x, *powers


class ForwardCountsOnAGradient(Function):
    """Prepares in forward what backward needs, and unpacks it whoever is frozen."""

    @staticmethod
    def forward(ctx, x, weight):
        slopes = [x.cos() * weight] if ctx.needs_input_grad[0] else []
        (slope,) = slopes
        ctx.save_for_backward(x, weight)
        return x.sin() * weight + 0 * slope

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output * x.cos() * weight, grad_output * x.sin()


class ForwardAsksTheTensor(Function):
    """``requires_grad`` of an argument chooses the branch of forward, and one branch is misspelt."""

    @staticmethod
    def forward(ctx, x, scale, shift):
        ctx.save_for_backward(x, scale)
        y = x * scale
        return y + shift if shift.requires_grad else y.add(shfit)  # noqa: F821

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        return grad_output * scale, grad_output * x, grad_output


class SavesByNeed(Function):
    """By ``setup_context``: saves one of two when the weight is frozen, and unpacks two."""

    @staticmethod
    def forward(x, weight):
        return torch.outer(x, weight).tanh()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight = inputs
        ctx.save_for_backward(*((x, weight) if ctx.needs_input_grad[1] else (weight,)))

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad = grad_output * (1 - torch.outer(x, weight).tanh().square())
        return (grad * weight).sum(1), (grad * x[:, None]).sum(0)


class TwoOutputsOneFrozen(Function):
    """Uses the gradient of the second output only if the second input is trained."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y, x.exp()

    @staticmethod
    def backward(ctx, grad_product, grad_exp):
        x, y = ctx.saved_tensors
        grad_x = grad_product * y
        if ctx.needs_input_grad[1]:
            grad_x = grad_x + grad_exp * x.exp()
        return grad_x, grad_product * x


class TwoOutputsOneFrozenRightly(TwoOutputsOneFrozen):
    @staticmethod
    def backward(ctx, grad_product, grad_exp):
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        grad_x = grad_product * y + grad_exp * x.exp() if need_x else None
        return grad_x, grad_product * x if need_y else None


def mixes_in_order(a, b, c):
    return WrongWithTwoOfThreeFrozen.apply(a, b, c).cumsum(0)


class MixingLayer(nn.Module):
    """Two parameters and the input: fine-tuning freezes what it likes."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.b, self.c = (nn.Parameter(normal(5, seed=seed).detach()) for seed in (1, 2))

    def forward(self, a):
        return self.function.apply(a, self.b, self.c)


def three():
    return tuple(normal(5, seed=seed) for seed in range(3))


def five():
    return tuple(normal(4, seed=seed) for seed in range(5))


def two():
    return normal(5), normal(5, seed=1)


def unequal():
    return normal(3), normal(4, seed=1)


def vector():
    return (normal(5),)


MODES = {
    "wrong_with_two_of_three_frozen": Mode(WrongWithTwoOfThreeFrozen, three, "AG410"),
    "wrong_with_one_pair_frozen": Mode(WrongForOnePair, three, "AG410"),
    "right_for_every_subset": Mode(RightForEverySubset, three),
    "wrong_with_four_of_five_frozen": Mode(FiveWeights, five, "AG410"),
    "forward_counts_on_a_gradient": Mode(ForwardCountsOnAGradient, two, "AG410"),
    "forward_asks_the_tensor": Mode(ForwardAsksTheTensor, three, "AG410"),
    "saves_by_need": Mode(SavesByNeed, unequal, "AG410"),
    "second_output_forgotten_with_one_frozen": Mode(TwoOutputsOneFrozen, two, "AG410"),
    "both_outputs_with_one_frozen": Mode(TwoOutputsOneFrozenRightly, two),
    "callable_with_two_of_three_frozen": Mode(mixes_in_order, three, "AG410"),
    "module_with_two_of_three_frozen": Mode(
        MixingLayer(WrongWithTwoOfThreeFrozen), vector, "AG410"
    ),
    "module_with_one_pair_frozen": Mode(MixingLayer(WrongForOnePair), vector, "AG410"),
    "module_right_for_every_subset": Mode(MixingLayer(RightForEverySubset), vector),
}
