"""Scenario 13: the magnitude of complex numbers.

The gradient points along the number itself. ``ConjugatedMagnitude`` has it mirrored at the real axis,
which no real input shows.
"""

import torch
from torch.autograd import Function

from pytest_autograd import Report, autograd_checked, check


class Magnitude(Function):
    """Right, and 0 at 0."""

    @staticmethod
    def forward(ctx, z):
        y = z.abs()
        ctx.save_for_backward(z, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        z, y = ctx.saved_tensors
        return grad_output * z / torch.where(y > 0, y, 1)


class ConjugatedMagnitude(Magnitude):
    """Faulty: the derivative of mathematics, where torch wants its conjugate."""

    @staticmethod
    def backward(ctx, grad_output):
        z, y = ctx.saved_tensors
        return grad_output * z.conj() / torch.where(y > 0, y, 1)


def inputs(dtype: torch.dtype = torch.complex128) -> tuple[torch.Tensor]:
    """Return some numbers."""
    draw = torch.Generator().manual_seed(13)
    return (torch.randn(4, 3, dtype=dtype, generator=draw, requires_grad=True),)


@autograd_checked
def test_magnitude_is_hypot_of_the_parts():
    (z,) = inputs()
    torch.testing.assert_close(Magnitude.apply(z), torch.hypot(z.real, z.imag))


def reports() -> dict[str, Report]:
    """Check both, the faulty one also on real numbers."""
    return {
        "conjugated, real numbers": check(ConjugatedMagnitude, *inputs(torch.float64)),
        "conjugated": check(ConjugatedMagnitude, *inputs()),
        "not conjugated": check(Magnitude, *inputs()),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
