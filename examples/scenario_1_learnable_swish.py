"""Scenario 1: an activation ``x * sigmoid(beta * x)`` with a learnable ``beta``.

Composed of torch operations it needs no custom Function at all, and the check says that it is
right. Written as a Function it needs a gradient for ``beta`` too, which ``FrozenSwish`` forgets.
"""

import torch
from torch import nn
from torch.autograd import Function

from pytest_autograd import Report, check


class ComposedSwish(nn.Module):
    """Plain torch: autograd knows the gradient."""

    def __init__(self):
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(1.3, dtype=torch.float64))

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)


class FrozenSwish(Function):
    """Faulty: ``beta`` gets no gradient and so never learns."""

    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        return grad_output * (s + beta * x * s * (1 - s)), None


class Swish(Function):
    """Right: both gradients, from saved inputs, so that they can be differentiated again."""

    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        slope = s * (1 - s)
        grad_x = grad_output * (s + beta * x * slope)
        grad_beta = (grad_output * x * x * slope).sum()
        return grad_x, grad_beta


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    """Return a batch and a ``beta``."""
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, torch.tensor(1.3, dtype=torch.float64, requires_grad=True)


def reports() -> dict[str, Report]:
    """Check the module, the faulty Function and the right one."""
    x, beta = inputs()
    return {
        "composed of torch operations": check(ComposedSwish(), x),
        "Function without a gradient for beta": check(FrozenSwish, x, beta),
        "Function with both gradients": check(Swish, x, beta),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
