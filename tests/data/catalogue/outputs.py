"""Outputs marked wrongly, gradients that are undefined, and gradients that nobody asked for."""

import torch
from catalogue._mode import Mode, normal, two_vectors, vector
from torch.autograd import Function


class WrongIndexOfNeedsInputGrad(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output * weight if ctx.needs_input_grad[0] else None
        grad_weight = grad_output * x if ctx.needs_input_grad[0] else None
        return grad_x, grad_weight


class SavesUnderTheWrongCondition(Function):
    @staticmethod
    def forward(ctx, x, weight):
        needs_x, needs_weight = ctx.needs_input_grad
        ctx.save_for_backward(x if needs_x else None, weight if needs_weight else None)
        return x * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output * weight if ctx.needs_input_grad[0] else None
        grad_weight = grad_output * x if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight


class ComputesForTheFrozen(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output @ weight.mT, x.mT @ grad_output


class SineAndCosine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.cos()


class UndefinedGradientIsMultiplied(SineAndCosine):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos() - grad_cos * x.sin()


class TestsForNoneThatNeverComes(SineAndCosine):
    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        grad = grad_sin * x.cos()
        return grad if grad_cos is None else grad - grad_cos * x.sin()


class ActiveOutputMarkedNonDifferentiable(SineAndCosine):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        sine, cosine = x.sin(), x.cos()
        ctx.mark_non_differentiable(cosine)
        return sine, cosine

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos()


class OnlyOutputMarkedNonDifferentiable(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        y = x.sin()
        ctx.mark_non_differentiable(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class MaskNotMarked(Function):
    @staticmethod
    def forward(ctx, x):
        mask = (x > 0).to(x.dtype)
        ctx.save_for_backward(mask)
        return x * mask, mask

    @staticmethod
    def backward(ctx, grad_output, grad_mask):
        (mask,) = ctx.saved_tensors
        return grad_output * mask


class NotStatic(Function):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class DetachesItsOutput(NotStatic):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin().detach().requires_grad_(False)


def as_keyword(x, scale):
    return Scaled.apply(x, scale=scale)


class Scaled(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        return grad_output * scale, grad_output * x


class ReturnsItsOutputDetachedToo(SineAndCosine):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        sine = x.sin()
        return sine, sine.detach()

    @staticmethod
    def backward(ctx, grad_output, grad_other):
        (x,) = ctx.saved_tensors
        return (grad_output + grad_other) * x.cos()


class ReturnsOneTensorTwice(ReturnsItsOutputDetachedToo):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        sine = x.sin()
        return sine, sine


class ReturnsTheStorageTwice(ReturnsItsOutputDetachedToo):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        sine = x.sin()
        return sine, torch.empty_like(sine).set_(sine)


class ReturnsACopyToo(ReturnsItsOutputDetachedToo):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        sine = x.sin()
        return sine, sine.clone()


class MarksTheNorm(Function):
    """Statistics marked as such, where a loss may well want them."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        norm = x.norm()
        ctx.mark_non_differentiable(norm)
        return norm, x.square()

    @staticmethod
    def backward(ctx, _, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class MarksTheWrongOne(Function):
    """Sorted values and their places: the values are marked."""

    @staticmethod
    def forward(ctx, x):
        values, index = x.sort()
        ctx.save_for_backward(index)
        ctx.mark_non_differentiable(values)
        return values, index

    @staticmethod
    def backward(ctx, grad_values, _):
        (index,) = ctx.saved_tensors
        return torch.zeros_like(grad_values).scatter(0, index, grad_values)


SHARED = frozenset({"AG308"})

MODES = {
    "output_and_it_detached": Mode(ReturnsItsOutputDetachedToo, vector, warnings=SHARED),
    "one_tensor_for_two_outputs": Mode(ReturnsOneTensorTwice, vector, warnings=SHARED),
    "one_storage_for_two_outputs": Mode(ReturnsTheStorageTwice, vector, warnings=SHARED),
    "output_and_a_copy": Mode(ReturnsACopyToo, vector),
    "norm_marked_non_differentiable": Mode(MarksTheNorm, vector, notes=frozenset({"AG003"})),
    "values_marked_in_place_of_indices": Mode(MarksTheWrongOne, vector, "AG003"),
    "wrong_index_of_needs_input_grad": Mode(WrongIndexOfNeedsInputGrad, two_vectors, "AG410"),
    "saves_under_the_wrong_condition": Mode(SavesUnderTheWrongCondition, two_vectors, "AG410"),
    "computes_for_the_frozen": Mode(
        ComputesForTheFrozen,
        lambda: (normal(3, 4), normal(4, 2, seed=1)),
        warnings=frozenset({"AG701"}),
    ),
    "undefined_gradient_is_multiplied": Mode(UndefinedGradientIsMultiplied, vector, "AG406"),
    "tests_for_none_that_never_comes": Mode(TestsForNoneThatNeverComes, vector),
    "active_output_marked_non_differentiable": Mode(
        ActiveOutputMarkedNonDifferentiable, vector, notes=frozenset({"AG003"})
    ),
    "only_output_marked_non_differentiable": Mode(
        OnlyOutputMarkedNonDifferentiable, vector, "AG003"
    ),
    "mask_not_marked": Mode(MaskNotMarked, vector),
    "not_static": Mode(NotStatic, vector),
    "detaches_its_output": Mode(DetachesItsOutput, vector),
    "tensor_as_keyword": Mode(as_keyword, two_vectors),
}
