"""Code that trips over graphs, layouts, dtypes and gradients that are not there."""

from __future__ import annotations

import warnings

import torch
from torch.autograd import Function

from pasted_errors._fault import Square, points, says


@says("Trying to backward through the graph a second time", "in-place/repeatable-backward", "AG307")
def second_backward_through_one_graph():
    y = Square.apply(points()).sum()
    y.backward()
    y.backward()


@says(
    "view size is not compatible with input tensor's size and stride",
    "layouts/grad-output",
    "AG407",
    "debugging/errors-in-backward",
)
def view_of_a_transposed_gradient():
    class Rows(Square):
        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return 2 * x * grad_output.view(-1).view(4, 3)

    x = points()
    torch.autograd.grad(Rows.apply(x), x, torch.ones(3, 4, dtype=torch.float64).mT)


@says(
    "expected m1 and m2 to have the same dtype, but got: c10::BFloat16 != float",
    "transforms/autocast",
    "AG604",
)
def backward_of_an_autocast_forward():
    class Gram(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x @ x.mT

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return 2 * grad_output @ x

    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = Gram.apply(torch.randn(4, 3, requires_grad=True))
    y.sum().backward()


@says(
    "unsupported operand type(s) for *: 'NoneType' and 'Tensor'", "ctx/undefined-gradients", "AG406"
)
def unused_output_without_zeros():
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(x)
            return x.sin(), x.cos()

        @staticmethod
        def backward(ctx, grad_sine, grad_cosine):
            (x,) = ctx.saved_tensors
            return grad_sine * x.cos() - grad_cosine * x.sin()

    Both.apply(points())[0].sum().backward()


@says(
    "(input_is_complex == grad_is_complex) to be true, but got false", "operations/complex-tensors"
)
def complex_gradient_for_a_real_input():
    class Phase(Function):
        @staticmethod
        def forward(ctx, angle):
            y = torch.polar(torch.ones_like(angle), angle)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad_output):
            (y,) = ctx.saved_tensors
            return grad_output * (1j * y).conj()

    Phase.apply(points()).abs().sum().backward()


@says(
    "appears to not have been used in the graph",
    "template/captured-tensors",
    "AG007",
    "gradients/none-for-an-input",
    "AG103",
    "template/tensors-in-containers",
)
def gradient_of_a_captured_tensor():
    weight = points()

    class TimesCaptured(Function):
        @staticmethod
        def forward(ctx, x):
            return x * weight

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * weight

    torch.autograd.grad(TimesCaptured.apply(points()).sum(), weight)


@says(
    "grad can be implicitly created only for scalar outputs",
    "gradients/the-vjp",
    "debugging/error-messages",
)
def backward_of_a_tensor_that_is_no_scalar():
    Square.apply(points()).backward()


@says(
    "returned nan values in its 0th output",
    "debugging/nan-and-magnitudes",
    "gradients/finite-everywhere",
    "AG106",
)
def anomaly_mode_finds_nan():
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        warnings.simplefilter("ignore")
        x = torch.zeros(2, requires_grad=True)
        (x * x).sum().sqrt().backward()
