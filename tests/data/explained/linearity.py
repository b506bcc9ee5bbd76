"""Terms that do not depend on grad_output, and faults that are there without them too."""

from catalogue._mode import two_vectors, vector
from explained._pair import Pair, Shown
from torch.autograd import Function


class CubeBesideItsSlope(Function):
    """Adds the slope where it should add what comes back to the slope, so that the input is never used."""

    @staticmethod
    def forward(x):
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output[1])

    @staticmethod
    def backward(ctx, grad_output, grad_slope):
        _, slope = ctx.saved_tensors
        return grad_output * slope + 6 * slope


class ShiftedBesideAConstant(Function):
    """A constant too much for the one, a second derivative too few for the other."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.sin() + y.sin()

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * x.cos() + 1, grad_output * y.detach().cos()


PAIRS = {
    ("AG102", "AG501"): Pair(
        Shown(CubeBesideItsSlope, vector), Shown(ShiftedBesideAConstant, two_vectors)
    ),
    ("AG102", "AG207"): Pair(
        Shown(CubeBesideItsSlope, vector),
        "that a tensor is not used does not say why: the term that lacks may be the one that used it",
    ),
}
