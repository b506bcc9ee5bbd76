"""What torch refuses, for one reason or for two."""

import torch
from catalogue._mode import normal, two_vectors, vector
from explained._pair import Pair, Shown
from torch.autograd import Function


class Product(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y


class ThreeRefusals(Function):
    """Saves a number, unpacks what is not saved yet, marks dirty what it does not return."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, 3)
        ctx.saved_tensors  # noqa: B018
        ctx.mark_dirty(x)
        return x * 3

    @staticmethod
    def backward(ctx, grad_output):
        return 3 * grad_output


class UnpacksWhatIsNotSavedYet(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        (saved,) = ctx.saved_tensors
        return saved * 1

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y


class OneNumberForTwoTensors(Product):
    @staticmethod
    def backward(ctx, grad_output):
        return (2.0,)


class NumberBesideAColumn(Product):
    @staticmethod
    def backward(ctx, grad_output):
        x, _ = ctx.saved_tensors
        return 2.0, (grad_output * x)[:, None].expand(5, 3)


class NumberBesideAnotherDevice(Product):
    @staticmethod
    def backward(ctx, grad_output):
        x, _ = ctx.saved_tensors
        return 2.0, (grad_output * x).to("meta")


class NumberBesideAGradientOfNothing(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, grad_output):
        return 2.0, grad_output * ctx.factor


class SavesTwiceAndFails(Product):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x)
        ctx.save_for_backward(y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        saved = ctx.saved_tensors
        return grad_output * ctx.weight, grad_output * saved[0]


class SavesTwiceAndDoubles(SavesTwiceAndFails):
    @staticmethod
    def backward(ctx, grad_output):
        x = ctx.saved_tensors[0]
        return None, 2 * grad_output * x


class ListBesideACutOutput(Function):
    @staticmethod
    def forward(ctx, x):
        cut = x.sin()
        ctx.mark_non_differentiable(cut)
        return cut, [x * 2]

    @staticmethod
    def backward(ctx, *grads):
        return grads[0]


class ListBesideANumber(Function):
    """Takes a list of tensors, and returns a gradient for the list and one for a number."""

    @staticmethod
    def forward(ctx, x, others, factor):
        ctx.factor = factor
        return x * factor + sum(others)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.factor, None, grad_output.sum()


def with_a_list():
    return normal(5), [normal(5, seed=1)], 2.0


class ColumnBesideAFactor(Product):
    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return (grad_output * y)[None] * torch.ones(3, 1, dtype=y.dtype) / 3, 2 * grad_output * x


PAIRS = {
    ("AG203", "AG001"): Pair("AG203", Shown(ThreeRefusals, vector)),
    ("AG204", "AG001"): Pair(Shown(UnpacksWhatIsNotSavedYet, vector), Shown(ThreeRefusals, vector)),
    ("AG304", "AG001"): Pair("AG304", "what torch refused is the mark itself"),
    ("AG004", "AG002"): Pair("AG004", Shown(OneNumberForTwoTensors, two_vectors)),
    ("AG205", "AG002"): Pair("AG205", Shown(SavesTwiceAndFails, two_vectors)),
    ("AG401", "AG002"): Pair("AG401", Shown(NumberBesideAColumn, two_vectors)),
    ("AG404", "AG002"): Pair("AG404", Shown(NumberBesideAnotherDevice, two_vectors)),
    ("AG405", "AG002"): Pair(
        "AG405", Shown(NumberBesideAGradientOfNothing, lambda: (normal(5), 3.0))
    ),
    ("AG003", "AG005"): Pair(
        "unseen_by_autograd:returns_a_list", Shown(ListBesideACutOutput, vector)
    ),
    ("AG006", "AG405"): Pair(
        "unseen_by_autograd:returns_gradients_for_a_list", Shown(ListBesideANumber, with_a_list)
    ),
    ("AG401", "AG101"): Pair(
        "returns:outer_product_is_returned", Shown(ColumnBesideAFactor, two_vectors)
    ),
    ("AG205", "AG101"): Pair("ctx:saves_twice", Shown(SavesTwiceAndDoubles, two_vectors)),
}
