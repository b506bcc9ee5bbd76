"""Code called the wrong way, by ``apply``, by torch.func or by gradcheck."""

from __future__ import annotations

import torch
from torch.autograd import Function, gradcheck

from pasted_errors._fault import Square, points, says


@says(
    "it must override the setup_context staticmethod",
    "transforms/setup-context",
    "AG603",
    "transforms/func",
)
def func_on_a_forward_with_ctx():
    torch.func.grad(lambda x: Square.apply(x).sum())(points())


class SquareForFunc(Function):
    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


@says("it does not have vmap support", "transforms/vmap", "AG602")
def vmap_without_a_rule():
    torch.func.vmap(SquareForFunc.apply)(points())


@says("You must implement the jvp function for custom autograd.Function", "transforms/jvp", "AG504")
def forward_mode_without_jvp():
    torch.func.jvp(SquareForFunc.apply, (points(),), (points(),))


@says(
    "We don't support vmap over calling .item() on a Tensor", "transforms/func", "transforms/vmap"
)
def item_under_vmap():
    class ScaledByMax(SquareForFunc):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x * x.max().item()

    torch.func.vmap(ScaledByMax.apply)(points())


@says(
    "Legacy autograd function with non-static forward method is deprecated",
    "template/call-apply",
    "AG008",
    "template/the-smallest-complete-function",
)
def function_instance_called():
    Square()(points())


@says(
    "should not be instantiated. Methods on autograd functions are all static",
    "template/call-apply",
    "AG008",
    "template/the-smallest-complete-function",
)
def function_class_called():
    Square(points())


@says(
    "forward() missing 1 required positional argument",
    "template/call-apply",
    "AG008",
    "debugging/errors-in-forward",
    "AG001",
)
def forward_called_without_ctx():
    Square.forward(points())


@says("forward() missing 1 required positional argument", "debugging/errors-in-forward", "AG001")
def apply_with_too_few_arguments():
    Square.apply()


@says(
    "Jacobian mismatch for output 0 with respect to input 0",
    "debugging/wrong-values",
    "AG101",
    "verification/gradcheck",
)
def gradcheck_finds_a_factor():
    class Halved(Square):
        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return x * grad_output

    gradcheck(Halved.apply, points())


@says(
    "Backward is not reentrant",
    "gradients/randomness",
    "AG107",
    "verification/stochastic-functions",
)
def gradcheck_of_a_random_backward():
    class Dropout(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * (torch.rand_like(grad_output) > 0.5)

    gradcheck(Dropout.apply, points())


@says(
    "is not a double precision floating point or complex",
    "verification/gradcheck",
    "verification/inputs-that-count",
    "AG114",
)
def gradcheck_on_float32():
    gradcheck(Square.apply, torch.ones(2, requires_grad=True), eps=1e-3, atol=1e-2)


@says(
    "gradcheck expects at least one input tensor to require gradient",
    "verification/gradcheck",
    "verification/inputs-that-count",
    "AG009",
)
def gradcheck_without_requires_grad():
    gradcheck(Square.apply, torch.ones(2, dtype=torch.float64))
