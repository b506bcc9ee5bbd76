"""Faults that no rule sees at the given call, each pinned by a Function that passes, with the reason."""

import enum

import torch
from catalogue._mode import Gap, normal, vector
from torch.autograd import Function


class ConjugateIsMissing(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


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


class Side(enum.Enum):
    LEFT = 1
    RIGHT = 2


class OptionOfAnEnum(Function):
    @staticmethod
    def forward(ctx, x, side=Side.LEFT):
        return x.cumsum(0) if side is Side.LEFT else x.flip(0).cumsum(0)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.flip(0).cumsum(0).flip(0), None


class BlockOfEqualSizes(Function):
    @staticmethod
    def forward(ctx, x, block=(2, 2)):
        ctx.block = block
        rows, columns = block
        if x.shape[0] % rows or x.shape[1] % columns:
            raise ValueError("blocks must fit")
        return x.unfold(0, rows, rows).unfold(1, columns, columns).mean((-1, -2))

    @staticmethod
    def backward(ctx, grad_output):
        columns, rows = ctx.block
        wide = grad_output.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
        return wide / (rows * columns), None


class WrongWithThreeOfSevenFrozen(Function):
    @staticmethod
    def forward(ctx, *factors):
        ctx.save_for_backward(*factors)
        return sum(factor**3 for factor in factors)

    @staticmethod
    def backward(ctx, grad_output):
        slope = 2 if sum(ctx.needs_input_grad) == 4 else 3
        return tuple(
            slope * x * x * grad_output if need else None
            for x, need in zip(ctx.saved_tensors, ctx.needs_input_grad, strict=True)
        )


GAPS = {
    "conjugate_is_missing_and_inputs_are_real": Gap(
        ConjugateIsMissing,
        vector,
        "real inputs hide it, and code that never meant complex ones must not be blamed: pass complex inputs",
    ),
    "wrong_for_one_value": Gap(
        WrongForOneValue, vector, "no sampling meets a single value that the code singles out"
    ),
    "option_of_an_enum": Gap(
        OptionOfAnEnum, vector, "values of a class of the author's own are not guessed"
    ),
    "block_of_equal_sizes": Gap(
        BlockOfEqualSizes,
        lambda: (normal(4, 4),),
        "tuples are tried in another order, and equal numbers have none",
    ),
    "wrong_with_three_of_seven_frozen": Gap(
        WrongWithThreeOfSevenFrozen,
        lambda: tuple(normal(3, seed=seed) for seed in range(7)),
        "of many inputs one, two and all but one are frozen, not every subset",
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
