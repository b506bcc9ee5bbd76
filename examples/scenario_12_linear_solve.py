"""Scenario 12: the solution of linear systems, to be differentiated twice.

``SolveByFactors`` keeps the factors of forward to save the second factorisation. They are an
intermediate result without history, so its second derivatives are silently wrong.
"""

import torch
from torch.autograd import Function

from pytest_autograd import Report, autograd_checked, check


class Solve(Function):
    """Right: keeps input and output."""

    @staticmethod
    def forward(ctx, a, b):
        x = torch.linalg.solve(a, b)
        ctx.save_for_backward(a, x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        a, x = ctx.saved_tensors
        grad_b = torch.linalg.solve(a.mH, grad_output)
        return -grad_b @ x.mH if ctx.needs_input_grad[0] else None, grad_b


class SolveByFactors(Function):
    """Faulty in the second order only."""

    @staticmethod
    def forward(ctx, a, b):
        factors, pivots = torch.linalg.lu_factor(a)
        x = torch.linalg.lu_solve(factors, pivots, b)
        ctx.save_for_backward(factors, pivots, x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        factors, pivots, x = ctx.saved_tensors
        grad_b = torch.linalg.lu_solve(factors, pivots, grad_output, adjoint=True)
        return -grad_b @ x.mH if ctx.needs_input_grad[0] else None, grad_b


def inputs(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two well-conditioned matrices, and right-hand sides."""
    draw = torch.Generator().manual_seed(12)
    a = torch.randn(2, 4, 4, dtype=dtype, generator=draw) + 4 * torch.eye(4, dtype=dtype)
    b = torch.randn(2, 4, 3, dtype=dtype, generator=draw, requires_grad=True)
    return a.requires_grad_(), b


@autograd_checked
def test_solve_solves():
    a, b = inputs()
    torch.testing.assert_close(a @ Solve.apply(a, b), b)


def reports() -> dict[str, Report]:
    """Check both, and the right one on complex numbers."""
    return {
        "with the factors of forward": check(SolveByFactors, *inputs()),
        "with input and output": check(Solve, *inputs()),
        "with input and output, complex": check(Solve, *inputs(torch.complex128)),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
