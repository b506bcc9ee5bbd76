"""Faulty code, what torch says of it, and the sections or rules that a reader of that message needs."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.autograd import Function, gradcheck, gradgradcheck
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class Fault:
    """Code that raises or warns, the core of its message, and the ids of which one answers it."""

    run: Callable[[], object]
    phrase: str
    wanted: tuple[str, ...]


FAULTS: list[Fault] = []


def says(phrase: str, *wanted: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Enter the decorated code among the faults."""

    def enter(run: Callable[[], object]) -> Callable[[], object]:
        FAULTS.append(Fault(run, phrase, wanted))
        return run

    return enter


def pasted(fault: Fault) -> tuple[str, str]:
    """Run the code, and return what a user may paste: the message alone, and the whole traceback."""
    torch.manual_seed(0)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            fault.run()
        except Exception as error:
            message, whole = f"{type(error).__name__}: {error}", traceback.format_exc()
        else:
            (message,) = {f"{each.category.__name__}: {each.message}" for each in warned}
            whole = message
    return _as_of_a_user(message, fault), _as_of_a_user(whole, fault)


def _as_of_a_user(text: str, fault: Fault) -> str:
    """Replace the names of this file, which would give the answer away."""
    names = {f"{fault.run.__name__}.<locals>.": "", fault.run.__name__: "step", __name__: "train"}
    for name, instead in {__file__: "train.py", **names}.items():
        text = text.replace(name, instead)
    return text


def points() -> torch.Tensor:
    return torch.randn(4, 3, dtype=torch.float64, requires_grad=True)


class Square(Function):
    """Right; the faulty ones below change one thing each."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


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
