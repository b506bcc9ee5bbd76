"""Scenario 14: linear interpolation in a table with uneven knots, for a learned table.

Each read adds to two entries of the table; outside of the knots the value is constant. The first
attempt takes any knots, and is wrong for those that do not increase: what is not meant is refused.
"""

import torch
from torch.autograd import Function

from pytest_autograd import Report, autograd_checked, check


class LookupOfAnyKnots(Function):
    """Faulty: without an order of the knots there are no segments."""

    @staticmethod
    def forward(ctx, x, knots, values):
        ctx.save_for_backward(x, knots, values)
        left, fraction, _ = _place(x, knots)
        return values[left] * (1 - fraction) + values[left + 1] * fraction

    @staticmethod
    def backward(ctx, grad_output):
        x, knots, values = ctx.saved_tensors
        left, fraction, width = _place(x, knots)
        grad_x = grad_values = None
        if ctx.needs_input_grad[0]:
            inside = (x >= knots[0]) & (x <= knots[-1])
            grad_x = grad_output * (values[left + 1] - values[left]) / width * inside
        if ctx.needs_input_grad[2]:
            grad_values, left = torch.zeros_like(values), left.flatten()
            lower, upper = grad_output * (1 - fraction), grad_output * fraction
            grad_values = grad_values.index_add(0, left, lower.flatten())
            grad_values = grad_values.index_add(0, left + 1, upper.flatten())
        return grad_x, None, grad_values


class Lookup(LookupOfAnyKnots):
    """Right."""

    @staticmethod
    def forward(ctx, x, knots, values):
        if len(knots) < 2 or len(knots) != len(values):
            raise ValueError(
                f"{len(knots)} knots and {len(values)} values: as many, and two at least"
            )
        if (knots[1:] <= knots[:-1]).any():
            raise ValueError("the knots must increase")
        return LookupOfAnyKnots.forward(ctx, x, knots, values)


def _place(x, knots):
    left = torch.searchsorted(knots, x.detach().contiguous(), right=True) - 1
    left = left.clamp(0, len(knots) - 2)
    width = knots[left + 1] - knots[left]
    return left, ((x - knots[left]) / width).clamp(0, 1), width


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return positions, some of them outside, knots, and the values there."""
    draw = torch.Generator().manual_seed(14)
    x = 8 * torch.rand(4, 3, dtype=torch.float64, generator=draw) - 2
    knots = torch.tensor([-1.0, 0.0, 0.5, 2.0, 5.0], dtype=torch.float64)
    values = torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True)
    return x.requires_grad_(), knots, values


@autograd_checked
def test_lookup_is_exact_for_a_straight_line():
    x, knots, _ = inputs()
    values = (3 * knots + 1).requires_grad_()
    expected = 3 * x.clamp(-1, 5) + 1
    torch.testing.assert_close(Lookup.apply(x, knots, values), expected)


def reports() -> dict[str, Report]:
    """Check both."""
    return {
        "any knots": check(LookupOfAnyKnots, *inputs()),
        "knots that increase": check(Lookup, *inputs()),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
