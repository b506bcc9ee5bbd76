"""Scenario 9: a quantiser with a learned step size (LSQ).

Rounding has no useful derivative, so the gradient is another one on purpose: straight through for the
input, and for the step the derivative with the rounding error held constant, scaled down by the number
of elements. ``straight_through`` says so in torch, and is the contract.
"""

import torch
from torch.autograd import Function

from pytest_autograd import Report, autograd_checked, check


class Quantise(Function):
    """Rounds ``x / step`` within ``low`` and ``high``."""

    @staticmethod
    def forward(ctx, x, step, low, high):
        ctx.bounds = low, high
        ctx.save_for_backward(x, step)
        return (x / step).clamp(low, high).round() * step

    @staticmethod
    def backward(ctx, grad_output):
        x, step = ctx.saved_tensors
        low, high = ctx.bounds
        v = x / step
        inside = (v >= low) & (v <= high)
        slope = torch.where(inside, v.round() - v, v.clamp(low, high))
        grad_step = (grad_output * slope).sum() * _scale(x, high)
        return grad_output * inside, grad_step, None, None


def _scale(x, high):
    return (max(x.numel(), 1) * high) ** -0.5


def straight_through(x, step, low, high):
    """Return the value of ``Quantise``, with the gradients that are meant."""
    scale = _scale(x, high)
    step = step * scale + (step * (1 - scale)).detach()
    v = (x / step).clamp(low, high)
    return (v + (v.round() - v).detach()) * step


def inputs() -> tuple[torch.Tensor, torch.Tensor, int, int]:
    """Return values, some of them out of range, the step and the range."""
    draw = torch.Generator().manual_seed(9)
    x = torch.randn(4, 5, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, torch.tensor(0.4, dtype=torch.float64, requires_grad=True), -4, 3


@autograd_checked(surrogate=straight_through)
def test_quantised_values_are_on_the_grid():
    x, step, low, high = inputs()
    y = Quantise.apply(x, step, low, high)
    torch.testing.assert_close(y, straight_through(x, step, low, high))
    assert set((y / step).round().tolist()[0]) <= set(range(low, high + 1))


def reports() -> dict[str, Report]:
    """Check it without and with the contract."""
    return {
        "nothing declared": check(Quantise, *inputs()),
        "as declared": check(Quantise, *inputs(), surrogate=straight_through),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
