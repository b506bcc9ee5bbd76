"""Code that returns or saves what it must not."""

from __future__ import annotations

import torch
from torch.autograd import Function

from pasted_errors._fault import Square, points, says


@says(
    "returned an incorrect number of gradients (expected 3, got 1)",
    "template/one-gradient-per-input",
    "AG004",
)
def too_few_gradients():
    class Scale(Function):
        @staticmethod
        def forward(ctx, x, factor, offset):
            ctx.factor = factor
            return x * factor + offset

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * ctx.factor

    Scale.apply(points(), 2.0, 1.0).sum().backward()


@says(
    "returned a gradient different than None at position 2",
    "template/one-gradient-per-input",
    "AG405",
)
def gradient_for_a_number():
    class Scale(Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * ctx.factor, grad_output.sum()

    Scale.apply(points(), 2.0).sum().backward()


@says(
    "got [3, 1] but expected shape compatible with [3]",
    "gradients/shapes",
    "AG401",
    "gradients/broadcasting",
)
def gradient_of_another_shape():
    class AddBias(Function):
        @staticmethod
        def forward(ctx, x, bias):
            return x + bias

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output, grad_output.sum(0, keepdim=True).mT

    AddBias.apply(points(), torch.zeros(3, requires_grad=True)).sum().backward()


@says(
    "mat1 and mat2 shapes cannot be multiplied (4x2 and 3x2)",
    "gradients/shapes",
    "AG401",
    "gradients/matmul",
    "debugging/errors-in-backward",
)
def matmul_in_the_wrong_order():
    class Linear(Function):
        @staticmethod
        def forward(ctx, x, weight):
            ctx.save_for_backward(x, weight)
            return x @ weight

        @staticmethod
        def backward(ctx, grad_output):
            x, weight = ctx.saved_tensors
            return grad_output @ weight, x @ grad_output

    weight = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    Linear.apply(points(), weight).sum().backward()


@says("expected Variable or None (got float)", "debugging/errors-in-backward", "AG002")
def gradient_that_is_a_float():
    class Total(Square):
        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.sum().item()

    Total.apply(points()).sum().backward()


@says("backward() takes 2 positional arguments but 3 were given", "template/several-outputs")
def one_parameter_for_two_outputs():
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            return x.sin(), x.cos()

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output

    sine, cosine = Both.apply(points())
    (sine + cosine).sum().backward()


@says(
    "save_for_backward can only save variables, but argument 1 is of type int",
    "ctx/non-tensors",
    "AG203",
)
def number_saved():
    class Scale(Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.save_for_backward(x, factor)
            return x * factor

    Scale.apply(points(), 3)


@says(
    "save_for_backward can only save variables, but argument 0 is of type torch.Size",
    "ctx/non-tensors",
    "AG203",
)
def shape_saved():
    class Flat(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x.shape)
            return x.flatten()

    Flat.apply(points())


@says(
    "not enough values to unpack (expected 2, got 1)",
    "ctx/saving-once",
    "AG205",
    "ctx/saved-tensors-in-forward",
    "AG204",
)
def saved_in_two_calls():
    class Product(Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x)
            ctx.save_for_backward(y)
            return x * y

        @staticmethod
        def backward(ctx, grad_output):
            x, y = ctx.saved_tensors
            return grad_output * y, grad_output * x

    Product.apply(points(), points()).sum().backward()


@says(
    "not enough values to unpack (expected 1, got 0)",
    "ctx/saved-tensors-in-forward",
    "AG204",
    "ctx/saving-once",
    "AG205",
)
def saved_tensors_unpacked_in_forward():
    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            (kept,) = ctx.saved_tensors
            return kept**3

    Cube.apply(points())


@says(
    "element 0 of tensors does not require grad and does not have a grad_fn",
    "ctx/non-differentiable-outputs",
    "AG003",
    "template/output-containers",
    "AG005",
)
def outputs_in_a_list():
    class Multiples(Function):
        @staticmethod
        def forward(ctx, x):
            return [2 * x, 3 * x]

        @staticmethod
        def backward(ctx, first, second):
            return 2 * first + 3 * second

    Multiples.apply(points())[0].sum().backward()
