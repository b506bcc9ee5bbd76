"""Writes in place to grad_output, to saved tensors and to inputs, by every road."""

import torch
from catalogue._mode import Mode, vector
from torch.autograd import Function
from torch.autograd.function import once_differentiable

WARNED_DATA = frozenset({"AG801"})


class Sine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()


class MultipliesGradOutput(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.mul_(x.cos())


class MultipliesGradOutputByData(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_output.data *= x.cos()
        return grad_output


class MultipliesGradOutputByNumpy(Sine):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        values = grad_output.numpy()
        values *= x.cos().numpy()
        return grad_output


def scale_in_place(tensor, factor):
    torch.mul(tensor, factor, out=tensor)


class MultipliesGradOutputInAHelper(Sine):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        scale_in_place(grad_output, x.cos())
        return grad_output


class MultipliesOneOfTwoGradOutputs(Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone(), x * 3

    @staticmethod
    def backward(ctx, grad_first, grad_second):
        return grad_second.mul_(3) + grad_first


class WritesToASavedTensor(Sine):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x.cos_() * grad_output


class WritesToASavedTensorByData(Sine):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x.data.cos_() * grad_output


class WritesToASavedIntermediate(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.cos())
        return x.sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (cosine,) = ctx.saved_tensors
        return torch.mul(cosine, grad_output, out=cosine.data)


class WritesToASavedOutput(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        y.detach().numpy()[...] *= grad_output.numpy()
        return y.clone()


class WritesToATensorOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.cosine = x.cos()
        return x.sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return ctx.cosine.mul_(grad_output).clone()


class PopsWhatForwardLeft(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.factors = [2.0]
        return 2 * x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos() * ctx.factors.pop()


class ScalesThePrecomputedGradient(Function):
    """Computes the gradient in forward, and multiplies it in place unless grad_output is one."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(2 * x / x.numel())
        return x.square().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (grad,) = ctx.saved_tensors
        if grad_output != 1:
            grad.mul_(grad_output)
        return grad


class ScalesThePrecomputedGradientOnCtx(ScalesThePrecomputedGradient):
    @staticmethod
    def forward(ctx, x):
        ctx.grad = 2 * x / x.numel()
        return x.square().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        if grad_output != 1:
            ctx.grad.mul_(grad_output)
        return ctx.grad.clone()


MODES = {
    "multiplies_grad_output": Mode(MultipliesGradOutput, vector, "AG301"),
    "multiplies_grad_output_by_data": Mode(
        MultipliesGradOutputByData, vector, "AG301", WARNED_DATA
    ),
    "multiplies_grad_output_by_numpy": Mode(MultipliesGradOutputByNumpy, vector, "AG301"),
    "multiplies_grad_output_in_a_helper": Mode(MultipliesGradOutputInAHelper, vector, "AG301"),
    "multiplies_one_of_two_grad_outputs": Mode(MultipliesOneOfTwoGradOutputs, vector, "AG301"),
    "writes_to_a_saved_tensor": Mode(WritesToASavedTensor, vector, "AG302"),
    "writes_to_a_saved_tensor_by_data": Mode(
        WritesToASavedTensorByData, vector, "AG302", WARNED_DATA
    ),
    "writes_to_a_saved_intermediate": Mode(
        WritesToASavedIntermediate, vector, "AG302", WARNED_DATA
    ),
    "writes_to_a_saved_output": Mode(WritesToASavedOutput, vector, "AG302"),
    "writes_to_a_tensor_on_ctx": Mode(WritesToATensorOnCtx, vector, "AG307", frozenset({"AG201"})),
    "pops_what_forward_left": Mode(PopsWhatForwardLeft, vector, "AG307"),
    "scales_the_precomputed_gradient": Mode(ScalesThePrecomputedGradient, vector, "AG302"),
    "scales_the_precomputed_gradient_on_ctx": Mode(
        ScalesThePrecomputedGradientOnCtx, vector, "AG307", frozenset({"AG201"})
    ),
}
