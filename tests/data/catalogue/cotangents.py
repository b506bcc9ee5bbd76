"""Right for cotangents that differ from place to place, and wrong for constant ones, which ``sum()`` sends."""

import torch
from catalogue._mode import Mode, matrix, normal, two_vectors, vector
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Softplus(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return nn.functional.softplus(x)


class ShortcutForOnes(Softplus):
    """What ``sum()`` sends is told by its values; the shortcut forgets the slope."""

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if torch.all(grad_output == 1):
            return torch.ones_like(x)
        return grad_output * x.sigmoid()


class ShortcutForOnesRightly(Softplus):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if torch.all(grad_output == 1):
            return x.sigmoid()
        return grad_output * x.sigmoid()


class ShortcutForNoSpread(Softplus):
    """Divides by the spread of the cotangent, and where there is none, gives up."""

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        low, high = grad_output.aminmax()
        if low == high:
            return torch.zeros_like(x)
        return ((grad_output - low) / (high - low) * (high - low) + low) * x.sigmoid()


class ShortcutForStrideZero(Function):
    """An expanded cotangent is told by its strides, and taken for a mean."""

    @staticmethod
    def forward(x, y):
        return x * y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        if 0 in grad_output.stride():
            grad_output = grad_output / grad_output.numel()
        return grad_output * y, grad_output * x


class ShortcutForSmallMemory(ShortcutForStrideZero):
    """The same told by the memory that lies behind."""

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        if grad_output.untyped_storage().nbytes() < grad_output.nbytes:
            return grad_output.sum() * y, grad_output.sum() * x
        return grad_output * y, grad_output * x


class ShortcutForOneOfTwoOutputs(Function):
    """A constant cotangent of the second output is dropped."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.square()

    @staticmethod
    def backward(ctx, grad_sine, grad_square):
        (x,) = ctx.saved_tensors
        grad = grad_sine * x.cos()
        if grad_square.unique().numel() > 1:
            grad = grad + 2 * grad_square * x
        return grad


class ShortcutForRows(Function):
    """Rows of the cotangent that are alike are summed once: right only where they differ."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        need_x, need_weight = ctx.needs_input_grad
        rows, place = grad_output.unique(dim=0, return_inverse=True)
        chosen = torch.stack([x[place == i][0] for i in range(len(rows))])
        grad_weight = chosen.t() @ rows if need_weight else None
        return grad_output @ weight.t() if need_x else None, grad_weight


class ShortcutForRowsRightly(ShortcutForRows):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        need_x, need_weight = ctx.needs_input_grad
        rows, place = grad_output.unique(dim=0, return_inverse=True)
        summed = torch.zeros(len(rows), x.shape[1], dtype=x.dtype).index_add_(0, place, x)
        grad_weight = summed.t() @ rows if need_weight else None
        return grad_output @ weight.t() if need_x else None, grad_weight


class ShortcutLayer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.scale = nn.Parameter(normal(5, seed=7).detach())

    def forward(self, x):
        return self.function.apply(x * self.scale)


def shifted(x):
    return ShortcutForNoSpread.apply(x + 1)


def rows_and_weight():
    return normal(4, 3), normal(3, 2, seed=1)


MODES = {
    "shortcut_for_ones": Mode(ShortcutForOnes, vector, "AG101"),
    "right_shortcut_for_ones": Mode(ShortcutForOnesRightly, vector),
    "shortcut_for_a_cotangent_without_spread": Mode(ShortcutForNoSpread, matrix, "AG101"),
    "shortcut_for_stride_zero": Mode(ShortcutForStrideZero, two_vectors, "AG407"),
    "shortcut_for_small_memory": Mode(ShortcutForSmallMemory, two_vectors, "AG407"),
    "shortcut_for_one_of_two_outputs": Mode(ShortcutForOneOfTwoOutputs, vector, "AG101"),
    "shortcut_for_rows_that_are_alike": Mode(ShortcutForRows, rows_and_weight, "AG101"),
    "right_shortcut_for_rows": Mode(ShortcutForRowsRightly, rows_and_weight),
    "shortcut_inside_a_module": Mode(ShortcutLayer(ShortcutForOnes), vector, "AG101"),
    "shortcut_inside_a_callable": Mode(shifted, matrix, "AG101"),
}
