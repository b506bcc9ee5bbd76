"""Scenario 2: ``x @ weight``, whose weight gradient is to be clipped between -1 and 1.

The clipping is on purpose, so the check is told: ``grad_transform`` says what happens to the true
gradient of which argument, and everything is verified against that. A gradient that belongs to
another function altogether (here where the weight is rounded) is declared by ``surrogate``.
"""

import torch
from torch.autograd import Function

from pytest_autograd import Report, check


class FirstAttempt(Function):
    """Faulty: no transposes, and it clips the gradient of the input."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output @ weight
        grad_weight = x @ grad_output
        return torch.clamp(grad_x, -1, 1), grad_weight


class ClippedLinear(Function):
    """Right, and clipped where it was asked for."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output @ weight.t()
        if ctx.needs_input_grad[1]:
            grad_weight = clip(x.t() @ grad_output)
        return grad_x, grad_weight


class RoundedWeight(Function):
    """A straight-through estimator: rounds, and passes the gradient on as if it had not."""

    @staticmethod
    def forward(ctx, weight):
        return weight.round()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone()


def clip(gradient: torch.Tensor) -> torch.Tensor:
    """Return the gradient clipped as the user asked."""
    return gradient.clamp(-1, 1)


def identity(weight: torch.Tensor) -> torch.Tensor:
    """Return what the straight-through estimator pretends to be."""
    return weight


def inputs(rows: int = 5, width: int = 4, out: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a batch and a weight."""
    draw = torch.Generator().manual_seed(2)
    x = torch.randn(rows, width, dtype=torch.float64, generator=draw, requires_grad=True)
    weight = torch.randn(width, out, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, weight


def reports() -> dict[str, Report]:
    """Check the first attempt, where it crashes and where it does not, and the right versions."""
    x, weight = inputs()
    return {
        "first attempt": check(FirstAttempt, x, weight),
        "first attempt, square, where nothing crashes": check(FirstAttempt, *inputs(3, 3, 3)),
        "clipped, nothing declared": check(ClippedLinear, x, weight),
        "clipped, as declared": check(ClippedLinear, x, weight, grad_transform={"weight": clip}),
        "rounded, nothing declared": check(RoundedWeight, weight),
        "rounded, as declared": check(RoundedWeight, weight, surrogate=identity),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
