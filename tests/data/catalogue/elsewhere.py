"""Right at the given inputs: other values and sizes show the fault."""

import torch
from catalogue._mode import FULL, Mode, normal, vector
from torch.autograd import Function


class Linear(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight


class SymmetricWeightHidesTheTranspose(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return (
            grad_output @ weight if ctx.needs_input_grad[0] else None,
            x.mT @ grad_output if ctx.needs_input_grad[1] else None,
        )


class WrongInABranch(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 5, x**3, x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.where(x > 5, x * x, torch.ones_like(x))


class LeavesTheTailOut(Function):
    BLOCK = 8

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad = torch.zeros_like(x)
        whole = max(1, len(x) // LeavesTheTailOut.BLOCK) * LeavesTheTailOut.BLOCK
        grad[:whole] = 2 * x[:whole] * grad_output[:whole]
        return grad


class ForgetsToDivideByTheBatch(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square().sum() / len(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class NormDividesByZero(Function):
    @staticmethod
    def forward(ctx, x):
        norm = x.norm(dim=-1)
        ctx.save_for_backward(x, norm)
        return norm * norm

    @staticmethod
    def backward(ctx, grad_output):
        x, norm = ctx.saved_tensors
        return 2 * (grad_output * norm).unsqueeze(-1) * (x / norm.unsqueeze(-1))


class OverflowsInBackward(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.nn.functional.softplus(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.exp() / (1 + x.exp())


class MasksTheResultNotTheArgument(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs() ** 1.5

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x != 0) * 1.5 * x / x.abs().sqrt()


class Sine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class SteepSine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (1e4 * x).sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 1e4 * (1e4 * x).cos()


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class OneInputIsNeverChecked(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y, grad_output * x.abs()


class LooksUpTheLargestElement(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if not torch.isfinite(x.max()):
            raise ValueError("x is too large")
        return 2 * x * grad_output


class NeedsAtLeastOneAxis(Square):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.full((x.shape[-1],), 2.0, dtype=x.dtype) * x * grad_output


def symmetric_weight():
    square = normal(3, 3, seed=1).detach()
    return normal(3, 3), (square + square.mT).requires_grad_()


def frozen_second():
    return normal(5), normal(5, seed=1).detach()


def warns(code):
    return frozenset({code})


MODES = {
    "symmetric_weight_hides_the_transpose": Mode(
        SymmetricWeightHidesTheTranspose, symmetric_weight, warnings=warns("AG104"), options=FULL
    ),
    "wrong_in_a_branch": Mode(WrongInABranch, vector, "AG104", options=FULL),
    "leaves_the_tail_out": Mode(LeavesTheTailOut, vector, "AG105", options=FULL),
    "forgets_to_divide_by_the_batch": Mode(
        ForgetsToDivideByTheBatch, lambda: (normal(1, 3),), "AG105", options=FULL
    ),
    "norm_divides_by_zero": Mode(NormDividesByZero, lambda: (normal(3, 4),), "AG106", options=FULL),
    "overflows_in_backward": Mode(OverflowsInBackward, vector, "AG106", options=FULL),
    "masks_the_result_not_the_argument": Mode(
        MasksTheResultNotTheArgument, lambda: (normal(5),), "AG106", options=FULL
    ),
    "float32_inputs": Mode(Sine, lambda: (normal(5, dtype=torch.float32),), options=FULL),
    "large_inputs": Mode(
        Square, lambda: ((normal(5) * 1e9).detach().requires_grad_(),), options=FULL
    ),
    "steep_function": Mode(SteepSine, vector, options=FULL),
    "an_input_without_requires_grad": Mode(
        OneInputIsNeverChecked, frozen_second, notes=warns("AG009")
    ),
    "empty_input_breaks_backward": Mode(
        LooksUpTheLargestElement, vector, warnings=warns("AG409"), options=FULL
    ),
    "scalar_input_breaks_backward": Mode(
        NeedsAtLeastOneAxis, vector, notes=warns("AG409"), options=FULL
    ),
    "an_empty_input_was_given": Mode(Square, lambda: (normal(0, 3),), confirmed=False),
    "an_expanded_input_was_given": Mode(
        Sine,
        lambda: (torch.ones(1, dtype=torch.float64).expand(4).requires_grad_(),),
        options=FULL,
    ),
}
