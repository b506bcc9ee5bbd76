"""Wrong values, of one argument or of two, and what follows from them."""

import torch
from catalogue._mode import normal, two_vectors, vector
from explained._pair import Pair, Shown
from explained.in_place import in_memory_order
from torch import Tensor
from torch.autograd import Function
from torch.library import custom_op


class Sum(Function):
    """The sine of the one plus the cube of the other."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.sin() + y**3

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * x.cos(), grad_output * 3 * y.square()


class ClampsBesideAFactor(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output.clamp(-0.1, 0.1) * x.cos(), grad_output * 2 * y.square()


class ClampsWhatIsLarge(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output * 3 * x.square()).clamp(-100, 100)


class ClampsBesideABranch(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output.clamp(-99, 99) * x.cos(), grad_output * 3 * y.square().clamp(max=25)


class ClampsBesideAMask(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output.clamp(-0.1, 0.1) * x.cos(), (grad_output * 3 * y.square()).nan_to_num()


class ZeroByZeroBesideABranch(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.square() + y**3

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * 2 * x**3 / x.square(), grad_output * 3 * y.square().clamp(max=25)


class BranchBesideASize(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        factor = 3 if len(y) == 5 else 2
        return grad_output * x.clamp(-5, 5).cos(), grad_output * factor * y.square()


class InverseOfTheInput(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 / x


class ZeroByZeroBesideAFactor(ZeroByZeroBesideABranch):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * 2 * x**3 / x.square(), grad_output * 2 * y.square()


class FactorBesideADetachedTensor(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return 2 * grad_output * x.cos(), grad_output * 3 * y.detach().square()


class NoneBesideADetachedTensor(Sum):
    @staticmethod
    def backward(ctx, grad_output):
        _, y = ctx.saved_tensors
        return None, grad_output * 3 * y.detach().square()


class NoneForTheWeight(Function):
    """The first gradient goes through the output, whose own gradient by the weight is missing."""

    @staticmethod
    def forward(ctx, x, weight):
        y = (x * weight).exp()
        ctx.save_for_backward(y, weight)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        y, weight = ctx.saved_tensors
        return grad_output * y * weight, None


class SineByJvp(Function):
    """The derivative is half of the right one by both roads."""

    jvp_factor = backward_factor = 0.5

    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 0.5 * grad_output * x.cos()

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return 0.5 * tangent * x.cos()


class SineByAnotherJvp(SineByJvp):
    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return 3 * tangent * x.cos()


class NumpyOfADetachedTensor(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.from_numpy(x.detach().numpy()).cos()


class CoarseKink(Function):
    """Its kink lies on the sample, and it works in float32 inside."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.float().clamp(min=0).double()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x > 0)


def with_a_zero():
    values = normal(5).detach()
    values[2] = 0
    return (values.requires_grad_(),)


@custom_op("explained::bare_pointer_and_wrong_fake", mutates_args=())
def bare_pointer_and_wrong_fake(x: Tensor) -> Tensor:
    return x * 3.0


@bare_pointer_and_wrong_fake.register_fake
def _(x):
    return x.new_empty(x.shape[0], 1)


bare_pointer_and_wrong_fake.register_autograd(
    lambda ctx, grad_output: 3 * in_memory_order(grad_output)
)


class TransposedTimesTwo(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return in_memory_order(x).sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * in_memory_order(x).cos()


def transposed():
    return (normal(4, 3).detach().t().requires_grad_(),)


class KeepsAndDetaches(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x.exp()
        return ctx.y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.y.detach()


NEEDED = "what is saved and not used may be what the gradient lacks"
ONE_MEND = "both ask for @once_differentiable"
PAIRS = {
    ("AG102", "AG101"): Pair("AG102", Shown(ClampsBesideAFactor, two_vectors)),
    ("AG102", "AG104"): Pair(
        Shown(ClampsWhatIsLarge, vector), Shown(ClampsBesideABranch, two_vectors)
    ),
    ("AG102", "AG110"): Pair(
        "values:looks_at_the_sign_of_grad_output", Shown(ClampsBesideAMask, two_vectors)
    ),
    ("AG106", "AG104"): Pair(
        "elsewhere:norm_divides_by_zero", Shown(ZeroByZeroBesideABranch, two_vectors)
    ),
    ("AG104", "AG105"): Pair(
        "elsewhere:symmetric_weight_hides_the_transpose", Shown(BranchBesideASize, two_vectors)
    ),
    ("AG101", "AG106"): Pair(
        Shown(InverseOfTheInput, vector), Shown(ZeroByZeroBesideAFactor, two_vectors)
    ),
    ("AG101", "AG501"): Pair(
        "values:cross_terms_are_missing", Shown(FactorBesideADetachedTensor, two_vectors)
    ),
    ("AG103", "AG501"): Pair(
        Shown(NoneForTheWeight, two_vectors), Shown(NoneBesideADetachedTensor, two_vectors)
    ),
    ("AG101", "AG504"): Pair(Shown(SineByJvp, vector), Shown(SineByAnotherJvp, vector)),
    ("AG101", "AG207"): Pair("second_order:returns_an_output_with_its_own_graph", NEEDED),
    ("AG103", "AG207"): Pair("AG103", NEEDED),
    ("AG501", "AG802"): Pair(Shown(NumpyOfADetachedTensor, vector), ONE_MEND),
    ("AG502", "AG802"): Pair("AG502", ONE_MEND),
    ("AG111", "AG114"): Pair("AG111", Shown(CoarseKink, with_a_zero)),
    ("AG407", "AG608"): Pair(
        "custom_ops:op_with_a_bare_pointer_in_backward",
        Shown(bare_pointer_and_wrong_fake, lambda: (normal(3, 4),)),
    ),
    ("AG408", "AG101"): Pair(
        "layouts:a_transposed_input_was_given", Shown(TransposedTimesTwo, transposed)
    ),
    ("AG202", "AG501"): Pair("ctx:view_of_the_output_on_ctx", Shown(KeepsAndDetaches, vector)),
}
