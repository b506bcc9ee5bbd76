"""Code that writes in place, and code that is differentiated twice."""

from __future__ import annotations

import torch
from torch.autograd import Function, gradgradcheck
from torch.autograd.function import once_differentiable

from pasted_errors._fault import Square, points, says


@says(
    "has been modified by an inplace operation",
    "in-place/saved-tensors",
    "AG302",
    "in-place/repeatable-backward",
    "AG307",
)
def saved_tensor_edited_in_backward():
    class Doubled(Square):
        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return x.mul_(2) * grad_output

    y = Doubled.apply(points() * 1).sum()
    y.backward(retain_graph=True)
    y.backward()


@says(
    "has been modified by an inplace operation",
    "in-place/saved-tensors",
    "AG302",
    "in-place/inputs",
    "AG303",
)
def saved_output_edited_by_the_caller():
    y = points().exp()
    y.add_(1)
    y.sum().backward()


@says(
    "a leaf Variable that requires grad has been used in an in-place operation",
    "in-place/in-place-done-right",
    "in-place/mark-dirty",
    "in-place/inputs",
    "AG303",
)
def leaf_changed_in_place():
    class ReluInPlace(Function):
        @staticmethod
        def forward(ctx, x):
            x.clamp_(min=0)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output

    ReluInPlace.apply(points())


@says(
    "a view of a leaf Variable that requires grad is being used in an in-place",
    "in-place/in-place-done-right",
    "in-place/mark-dirty",
    "in-place/inputs",
    "AG303",
)
def view_of_a_leaf_changed_in_place():
    x = points()
    x[0].mul_(2)


@says(
    "Some elements marked as dirty during the forward method were not returned",
    "in-place/mark-dirty",
    "AG304",
    "in-place/inputs",
)
def dirty_input_not_returned():
    class Overwrite(Function):
        @staticmethod
        def forward(ctx, x):
            x.clamp_(min=0)
            ctx.mark_dirty(x)
            return x.clone()

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output

    Overwrite.apply(points() * 1)


@says(
    "more than one element of the written-to tensor refers to a single memory",
    "in-place/grad-output",
    "AG301",
)
def expanded_gradient_written_to():
    class Masked(Square):
        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.mul_(2)

    Masked.apply(points()).sum().backward()


@says("is a view and is being modified inplace", "in-place/output-views", "AG306")
def output_that_views_its_input_edited():
    class Transpose(Function):
        @staticmethod
        def forward(ctx, x):
            return x.mT

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.mT

    Transpose.apply(points()).add_(1)


@says("marked with @once_differentiable", "double-backward/once-differentiable", "AG502", "AG503")
def differentiated_twice_against_the_mark():
    class Cube(Square):
        @staticmethod
        @once_differentiable
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return 2 * x * grad_output

    x = points()
    (first,) = torch.autograd.grad(Cube.apply(x).square().sum(), x, create_graph=True)
    first.sum().backward()


@says(
    "Can't call numpy() on Tensor that requires grad", "double-backward/numpy-in-backward", "AG802"
)
def numpy_in_backward():
    class NumpySquare(Square):
        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return torch.from_numpy(2 * x.numpy()) * grad_output

    x = points()
    torch.autograd.grad(NumpySquare.apply(x).sum(), x, create_graph=True)


@says(
    "Jacobian mismatch for output 0 with respect to input 0",
    "double-backward/saved-intermediates",
    "AG501",
    "double-backward/once-differentiable",
)
def second_derivative_misses_a_term():
    class SavingSlope(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(2 * x)
            return x * x

        @staticmethod
        def backward(ctx, grad_output):
            (slope,) = ctx.saved_tensors
            return slope * grad_output

    gradgradcheck(SavingSlope.apply, points())


@says(
    "does not require grad and does not have a grad_fn",
    "double-backward/once-differentiable",
    "AG502",
    "double-backward/numpy-in-backward",
    "AG802",
)
def gradgradcheck_of_a_backward_without_history():
    class NoHistory(Square):
        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return (2 * x * grad_output).detach()

    x = points()
    (first,) = torch.autograd.grad(NoHistory.apply(x).sum(), x, create_graph=True)
    first.sum().backward()
