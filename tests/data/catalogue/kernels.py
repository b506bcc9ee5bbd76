"""Kernels that refuse float64, so that they are judged in the dtype given; and the faults of some."""

import numpy as np
import torch
from catalogue._mode import FULL, Mode, normal
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16


def by_numpy(function, *tensors):
    """Return what a numpy function gives in float32, cast back: stands for a kernel that torch does not see into."""
    if any(tensor.dtype == torch.float64 for tensor in tensors):
        raise TypeError("no kernel for float64")
    arrays = [tensor.detach().float().numpy() for tensor in tensors]
    return torch.from_numpy(function(*arrays)).to(tensors[0].dtype)


class ProductByKernel(Function):
    """Of two inputs; the gradient of the second is twice too large."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return by_numpy(lambda a, b: a * b * b, x, y)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return by_numpy(lambda g, b: g * b * b, grad_output, y), 4 * grad_output * x * y


class ProductByKernelRightly(ProductByKernel):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return by_numpy(lambda g, b: g * b * b, grad_output, y), 2 * grad_output * x * y


class RowSumsByKernel(Function):
    """Two outputs by ``setup_context``; backward forgets the second."""

    @staticmethod
    def forward(x):
        return by_numpy(lambda a: a.sum(1), x), by_numpy(lambda a: (a * a).sum(1), x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_sum, grad_squares):
        (x,) = ctx.saved_tensors
        return (grad_sum + grad_squares)[:, None].expand_as(x).contiguous()


class BackwardByKernel(Function):
    """Forward takes every dtype; the kernel of backward refuses float64, and has the wrong sign."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.cos()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return by_numpy(lambda g, a: g * np.sin(a), grad_output, x)


class BackwardByKernelRightly(BackwardByKernel):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return -BackwardByKernel.backward(ctx, grad_output)


class MeanOfNeighbours(Function):
    """A kernel that takes its dtype for granted, with a number and the index of a row beside the tensor."""

    @staticmethod
    def forward(ctx, x, weight, row):
        assert x.dtype in (torch.float32, torch.float16), "no such kernel"
        ctx.weight, ctx.row = weight, row
        rolled = np.roll(x.detach().numpy(), 1, 0)
        return torch.from_numpy(weight * x.detach().numpy() + rolled)[row].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        grad = grad_output.new_zeros(4, 3)
        grad[ctx.row] += ctx.weight * grad_output
        grad[ctx.row] += grad_output
        return grad, None, None


class LooksUpItsWidth(Function):
    """Backward has a table of widths without float64, and counts in bits where bytes are meant."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        width = {torch.float32: 32, torch.bfloat16: 16}[x.dtype]
        return grad_output * x.exp() * width / x.element_size()


class LooksUpItsWidthRightly(LooksUpItsWidth):
    @staticmethod
    def backward(ctx, grad_output):
        return LooksUpItsWidth.backward(ctx, grad_output) / 8


class RefusesDoubles(Function):
    """Backward takes two cotangents, of which it refuses doubles; that of the second output is forgotten."""

    @staticmethod
    def forward(x, y):
        return x * y, x + y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_product, grad_sum):
        x, y = ctx.saved_tensors
        if grad_product.dtype.itemsize > 4:
            raise NotImplementedError("doubles")
        return grad_product * y, grad_product * x + grad_sum


class KernelLayer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.scale = nn.Parameter(normal(5, seed=3).detach().float())

    def forward(self, x):
        return self.function.apply(x, self.scale)


def one(dtype, *shape):
    return lambda: (normal(*(shape or (5,)), dtype=dtype),)


def two(dtype):
    return lambda: (normal(5, dtype=dtype), normal(5, seed=1, dtype=dtype))


MODES = {
    "kernel_of_two_inputs_in_float32": Mode(ProductByKernel, two(F32), "AG101"),
    "kernel_of_two_inputs_in_bfloat16": Mode(ProductByKernel, two(BF16), "AG101"),
    "right_kernel_in_float32": Mode(ProductByKernelRightly, two(F32), options=FULL),
    "right_kernel_in_bfloat16": Mode(ProductByKernelRightly, two(BF16)),
    "kernel_with_two_outputs": Mode(RowSumsByKernel, one(F32, 3, 4), "AG101"),
    "kernel_of_backward_alone": Mode(BackwardByKernel, one(F32), "AG101"),
    "kernel_of_backward_alone_in_float16": Mode(BackwardByKernel, one(F16), "AG101"),
    "right_kernel_of_backward": Mode(BackwardByKernelRightly, one(F32), options=FULL),
    "kernel_of_neighbours": Mode(
        MeanOfNeighbours, lambda: (normal(4, 3, dtype=F32), 0.5, 2), "AG101"
    ),
    "kernel_inside_a_module": Mode(KernelLayer(ProductByKernel), one(F32), "AG101"),
    "widths_without_float64": Mode(LooksUpItsWidth, one(F32), "AG101"),
    "right_widths_without_float64": Mode(LooksUpItsWidthRightly, one(F32), options=FULL),
    "cotangents_that_may_not_be_doubles": Mode(RefusesDoubles, two(F32), "AG101"),
}
