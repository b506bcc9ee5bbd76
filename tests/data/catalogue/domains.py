"""A forward that raises outside its domain, with a wrong gradient inside; beside it the right one, verified."""

import torch
from catalogue._mode import Mode, normal
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def require(condition, message):
    """Raise unless a condition on all elements holds, as checked kernels do."""
    if not bool(torch.as_tensor(condition).all()):
        raise ValueError(message)


class Entropy(Function):
    """Of a probability between nothing and certainty; backward misses the second logarithm."""

    @staticmethod
    def forward(ctx, p):
        require((p >= 0) & (p <= 1), "no probability")
        ctx.save_for_backward(p)
        return -(p * p.log() + (1 - p) * (1 - p).log())

    @staticmethod
    def backward(ctx, grad_output):
        (p,) = ctx.saved_tensors
        return -grad_output * p.log()


class EntropyRightly(Entropy):
    @staticmethod
    def backward(ctx, grad_output):
        (p,) = ctx.saved_tensors
        return grad_output * ((1 - p).log() - p.log())


class Blend(Function):
    """Weights in the unit interval, by ``setup_context``; two outputs, and a wrong sign for the weights."""

    @staticmethod
    def forward(weight, x, y):
        require((weight >= 0) & (weight <= 1), "weights must lie in [0, 1]")
        return weight * x + (1 - weight) * y, weight.square()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_blend, grad_square):
        weight, x, y = ctx.saved_tensors
        grad_weight = grad_blend * (y - x) + 2 * grad_square * weight
        return grad_weight, grad_blend * weight, grad_blend * (1 - weight)


class BlendRightly(Blend):
    @staticmethod
    def backward(ctx, grad_blend, grad_square):
        weight, x, y = ctx.saved_tensors
        grad_weight = grad_blend * (x - y) + 2 * grad_square * weight
        return grad_weight, grad_blend * weight, grad_blend * (1 - weight)


class GeometricMean(Function):
    """By numpy, of positive numbers; the gradient lacks the number of terms."""

    @staticmethod
    def forward(ctx, x):
        require(x > 0, "not positive")
        mean = torch.from_numpy(x.detach().log().mean(-1).exp().numpy())
        ctx.save_for_backward(x, mean)
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, mean = ctx.saved_tensors
        return (grad_output * mean)[..., None] / x


class GeometricMeanRightly(GeometricMean):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return GeometricMean.backward(ctx, grad_output) / ctx.saved_tensors[0].shape[-1]


class PowerOfPositive(Function):
    @staticmethod
    def forward(ctx, base, exponent):
        if base.min() <= 0:
            raise ArithmeticError("the base must be positive")
        ctx.save_for_backward(base, exponent)
        return base**exponent

    @staticmethod
    def backward(ctx, grad_output):
        base, exponent = ctx.saved_tensors
        power = grad_output * base**exponent
        return power * exponent / base, power


class CrossEntropyOfRows(Function):
    """Rows must sum to one, as a softmax gives them; the gradient is negated."""

    @staticmethod
    def forward(ctx, p, target):
        require((p.sum(-1) - 1).abs() < 1e-6, "rows must sum to one")
        require(p >= 0, "negative")
        ctx.save_for_backward(p, target)
        return -p.gather(1, target[:, None]).log().mean()

    @staticmethod
    def backward(ctx, grad_output):
        p, target = ctx.saved_tensors
        chosen = grad_output / (len(p) * p.gather(1, target[:, None]))
        return torch.zeros_like(p).scatter(1, target[:, None], chosen), None


class CrossEntropyOfRowsRightly(CrossEntropyOfRows):
    @staticmethod
    def backward(ctx, grad_output):
        grad, _ = CrossEntropyOfRows.backward(ctx, grad_output)
        return -grad, None


class Simplex(Function):
    """The expected value under each row; backward returns the values halved."""

    @staticmethod
    def forward(ctx, p, values):
        if not torch.allclose(p.sum(-1), p.new_ones(p.shape[:-1])):
            raise AssertionError("not a distribution")
        ctx.save_for_backward(p, values)
        return p @ values

    @staticmethod
    def backward(ctx, grad_output):
        p, values = ctx.saved_tensors
        need_p, need_values = ctx.needs_input_grad
        return (
            torch.outer(grad_output, values) / 2 if need_p else None,
            grad_output @ p if need_values else None,
        )


class SimplexRightly(Simplex):
    @staticmethod
    def backward(ctx, grad_output):
        grad_p, grad_values = Simplex.backward(ctx, grad_output)
        return None if grad_p is None else 2 * grad_p, grad_values


class Dirichlet(nn.Module):
    """A domain within a module: the softmax of its parameters is what the Function takes."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.logits = nn.Parameter(normal(3, 4, seed=8).detach())

    def forward(self, values):
        return self.function.apply(self.logits.softmax(-1), values)


def inside(x):
    return EntropyRightly.apply(x.sigmoid())


def unit_interval(*shape):
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return (0.05 + 0.9 * drawn).requires_grad_()


def probabilities():
    return (unit_interval(5),)


def blended():
    return unit_interval(5), normal(5), normal(5, seed=1)


def positive():
    return (unit_interval(3, 4),)


def powers():
    return unit_interval(5), normal(5)


def rows():
    return normal(3, 4).detach().softmax(-1).requires_grad_(), torch.tensor([2, 0, 3])


def distributions():
    return normal(3, 4).detach().softmax(-1).requires_grad_(), normal(4, seed=1)


MODES = {
    "entropy_of_probabilities": Mode(Entropy, probabilities, "AG101"),
    "right_entropy_of_probabilities": Mode(EntropyRightly, probabilities),
    "blend_by_weights": Mode(Blend, blended, "AG101"),
    "right_blend_by_weights": Mode(BlendRightly, blended),
    "mean_of_positive_numbers": Mode(GeometricMean, positive, "AG101"),
    "right_mean_of_positive_numbers": Mode(GeometricMeanRightly, positive),
    "power_of_positive_numbers": Mode(PowerOfPositive, powers, "AG101"),
    "loss_of_rows_that_sum_to_one": Mode(CrossEntropyOfRows, rows, "AG101"),
    "right_loss_of_rows_that_sum_to_one": Mode(CrossEntropyOfRowsRightly, rows),
    "mean_over_a_simplex": Mode(Simplex, distributions, "AG101"),
    "right_mean_over_a_simplex": Mode(SimplexRightly, distributions),
    "simplex_inside_a_module": Mode(Dirichlet(Simplex), lambda: (normal(4),), "AG101"),
    "right_simplex_inside_a_module": Mode(Dirichlet(SimplexRightly), lambda: (normal(4),)),
    "right_entropy_inside_a_callable": Mode(inside, lambda: (normal(5),)),
}
