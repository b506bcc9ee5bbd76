"""Gradients that are memory of somebody else's for the one cotangent that ``sum()`` sends."""

from catalogue._mode import Mode, normal, vector
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class ReturnsASavedTensorForOne(Function):
    """The gradient was made in forward, and is given away itself where grad_output is one."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(scale)
        return (x * scale).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (scale,) = ctx.saved_tensors
        return (scale if grad_output == 1 else scale * grad_output), None


class ReturnsAMaskForOnes(Function):
    @staticmethod
    def forward(x):
        return x.relu()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward((inputs[0] > 0).to(output.dtype))

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return mask if bool((grad_output == 1).all()) else mask * grad_output


class ReturnsWhatItKeptForOne(Function):
    """By an attribute of ctx."""

    @staticmethod
    def forward(ctx, x):
        ctx.gradient = 2 * x
        return x.square().sum()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        if float(grad_output) == 1.0:
            return ctx.gradient
        return grad_output * ctx.gradient


class ReturnsACopyForOne(ReturnsASavedTensorForOne):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (scale,) = ctx.saved_tensors
        return (scale.clone() if grad_output == 1 else scale * grad_output), None


def scaled():
    return normal(5), normal(5, seed=1).detach()


ALIAS = frozenset({"AG305"})

MODES = {
    "returns_a_saved_tensor_for_one": Mode(ReturnsASavedTensorForOne, scaled, warnings=ALIAS),
    "returns_a_mask_for_ones": Mode(ReturnsAMaskForOnes, vector, warnings=ALIAS),
    "returns_what_it_kept_for_one": Mode(
        ReturnsWhatItKeptForOne, vector, warnings=ALIAS | {"AG201"}
    ),
    "returns_a_copy_for_one": Mode(ReturnsACopyForOne, scaled),
}
