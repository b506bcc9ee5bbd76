"""Code that meets the rest of torch: custom ops, checkpoints, solvers, hooks."""

from __future__ import annotations

import torch
from torch.autograd import Function

from pasted_errors._fault import Square, points, says


@says("no autograd formula was registered", "transforms/custom-ops", "AG608")
def custom_op_without_a_gradient():
    op = torch.library.custom_op(
        "pasted::square", lambda x: x * x, mutates_args=(), schema="(Tensor x) -> Tensor"
    )
    op(points()).sum().backward()


@says("There was no fake impl registered", "transforms/custom-ops", "AG608")
def custom_op_without_a_fake():
    op = torch.library.custom_op(
        "pasted::cube", lambda x: x**3, mutates_args=(), schema="(Tensor x) -> Tensor"
    )
    torch.library.opcheck(op, (points().detach(),))


@says("must not also be an input to this custom operator", "transforms/custom-ops", "AG608")
def custom_op_that_returns_its_argument():
    op = torch.library.custom_op(
        "pasted::same", lambda x: x, mutates_args=(), schema="(Tensor x) -> Tensor"
    )
    op(points().detach())


@says(
    "nothing to differentiate: the inputs hold only int64 tensors",
    "verification/check",
    "verification/inputs-that-count",
    "AG009",
)
def nothing_to_differentiate():
    from pytest_autograd import check

    check(Square, torch.arange(3))


@says("the test would silently vanish", "verification/the-marker")
def marker_with_a_class_alone():
    from pytest_autograd import autograd_checked

    autograd_checked(Square)


@says(
    "A different number of tensors was saved during the original forward",
    "advanced/checkpointed-functions",
)
def checkpoint_that_saves_something_else():
    calls = []

    class Alternating(Function):
        @staticmethod
        def forward(ctx, x):
            calls.append(x)
            ctx.save_for_backward(*[x] * (3 - len(calls)))
            return x * 2

        @staticmethod
        def backward(ctx, grad_output):
            return 2 * grad_output * len(ctx.saved_tensors)

    checkpoint = torch.utils.checkpoint.checkpoint
    checkpoint(Alternating.apply, points(), use_reentrant=False).sum().backward()


@says(
    "saved_tensors can only be accessed once",
    "memory/boxed-gradients",
    "in-place/repeatable-backward",
    "AG307",
)
def saved_tensors_read_twice():
    class Forgetting(Square):
        clear_saved_tensors_on_access = True

        @staticmethod
        def backward(ctx, grad_output):
            return 2 * ctx.saved_tensors[0] * grad_output + 0 * ctx.saved_tensors[0]

    Forgetting.apply(points()).sum().backward()


@says(
    "The solver failed because the input matrix is singular",
    "operations/linear-solve",
    "operations/decompositions",
)
def singular_matrix():
    torch.linalg.solve(torch.zeros(2, 2), torch.ones(2, 1))


@says("Default process group has not been initialized", "advanced/distributed")
def all_reduce_without_a_group():
    torch.distributed.all_reduce(torch.ones(2))


@says("has changed the size of value", "advanced/hooks-and-functions")
def hook_that_changes_the_shape():
    x = points()
    x.register_hook(lambda grad: grad.sum())
    Square.apply(x).sum().backward()


@says(
    "self (Float) and source (Double) must have the same scalar type",
    "gradients/dtype",
    "AG402",
    "gradients/indexing",
)
def buffer_without_a_dtype():
    class Rows(Function):
        @staticmethod
        def forward(ctx, table, index):
            ctx.save_for_backward(index)
            return table[index]

        @staticmethod
        def backward(ctx, grad_output):
            (index,) = ctx.saved_tensors
            return torch.zeros(4, 3).index_add(0, index, grad_output), None

    Rows.apply(points(), torch.tensor([0, 2])).sum().backward()


@says(
    "Boolean value of Tensor with more than one value is ambiguous",
    "gradients/piecewise",
    "debugging/errors-in-forward",
    "AG001",
)
def if_on_a_tensor():
    class Relu(Function):
        @staticmethod
        def forward(ctx, x):
            return x if x > 0 else 0 * x

    Relu.apply(points())


@says(
    "Expected reduction dim to be specified for input.numel() == 0",
    "layouts/empty-and-scalar",
    "AG409",
)
def maximum_of_an_empty_batch():
    class Scaled(Function):
        @staticmethod
        def forward(ctx, x):
            return x / x.max()

    Scaled.apply(torch.zeros(0, 3))


@says(
    "got [1, 2, 5, 5] but expected shape compatible with [1, 2, 6, 6]",
    "operations/convolution",
    "gradients/shapes",
    "AG401",
)
def convolution_gradient_of_the_wrong_size():
    class Conv(Function):
        @staticmethod
        def forward(ctx, x, weight):
            ctx.save_for_backward(x, weight)
            return torch.conv2d(x, weight, stride=2)

        @staticmethod
        def backward(ctx, grad_output):
            _, weight = ctx.saved_tensors
            return torch.conv_transpose2d(grad_output, weight, stride=2), None

    x = torch.randn(1, 2, 6, 6, requires_grad=True)
    Conv.apply(x, torch.randn(3, 2, 3, 3)).sum().backward()
