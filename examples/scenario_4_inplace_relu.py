"""Scenario 4: a ReLU that saves memory by working in place.

Forward may overwrite its input if it says so with ``mark_dirty``; backward may never overwrite
``grad_output``.
"""

import torch
from torch.autograd import Function

from pytest_autograd import Report, check


class OverwritesGradOutput(Function):
    """Faulty: ``grad_output`` belongs to the graph, and another branch may read it after us."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        output = x.clone()
        output[output < 0] = 0
        return output

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_output[x < 0] = 0
        return grad_output


class OverwritesInput(Function):
    """Faulty: the input is overwritten, and autograd is not told."""

    @staticmethod
    def forward(ctx, x):
        x[x < 0] = 0
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * (y > 0)


class ReluInPlace(Function):
    """Right: one buffer for input and output, declared dirty; the output is all that is saved."""

    @staticmethod
    def forward(ctx, x):
        x.clamp_(min=0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * (y > 0)


def inputs() -> tuple[torch.Tensor]:
    """Return a batch."""
    draw = torch.Generator().manual_seed(4)
    return (torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True),)


def reports() -> dict[str, Report]:
    """Check both faulty versions and the right one."""
    return {
        "overwrites grad_output": check(OverwritesGradOutput, *inputs()),
        "overwrites its input": check(OverwritesInput, *inputs()),
        "overwrites its input and says so": check(ReluInPlace, *inputs()),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
