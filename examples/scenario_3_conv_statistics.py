"""Scenario 3: a convolution that logs statistics in forward and backward.

Tensors go to ``save_for_backward`` and numbers on ctx; ``saved_tensors`` is for backward only.
"""

import logging

import torch
from torch.autograd import Function
from torch.nn import functional

from pytest_autograd import Report, check

log = logging.getLogger(__name__)


class FirstAttempt(Function):
    """Faulty: tensors on ctx, a number in ``save_for_backward``, ``saved_tensors`` in forward."""

    @staticmethod
    def forward(ctx, x, weight, stride):
        ctx.x = x
        ctx.weight = weight
        ctx.save_for_backward(stride)
        output = functional.conv2d(x, weight, stride=stride)
        log.info("saved: %s", ctx.saved_tensors)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        (stride,) = ctx.saved_tensors
        x = ctx.x * 2
        grad_x = functional.conv2d(grad_output, ctx.weight, stride=stride)
        grad_weight = functional.conv2d(x, grad_output, stride=stride)
        return grad_x, grad_weight, None


class SecondAttempt(Function):
    """Faulty: it runs, but from tensors on ctx, and the weight's gradient is twice too large."""

    @staticmethod
    def forward(ctx, x, weight, stride):
        ctx.x = x
        ctx.weight = weight
        ctx.stride = stride
        output = functional.conv2d(x, weight, stride=stride)
        log.info("forward: mean %.3g, deviation %.3g", output.mean(), output.std())
        return output

    @staticmethod
    def backward(ctx, grad_output):
        log.info("backward: norm %.3g", grad_output.norm())
        x = ctx.x * 2
        grad_x, grad_weight = conv_gradients(ctx, grad_output, x, ctx.weight)
        return grad_x, grad_weight, None


class LoggedConv2d(Function):
    """Right."""

    @staticmethod
    def forward(ctx, x, weight, stride):
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        output = functional.conv2d(x, weight, stride=stride)
        log.info("forward: mean %.3g, deviation %.3g", output.mean(), output.std())
        return output

    @staticmethod
    def backward(ctx, grad_output):
        log.info("backward: norm %.3g", grad_output.norm())
        x, weight = ctx.saved_tensors
        grad_x, grad_weight = conv_gradients(ctx, grad_output, x, weight)
        return grad_x, grad_weight, None


def conv_gradients(ctx, grad_output, x, weight):
    """Return the gradients of input and weight, each only where it is wanted."""
    grad_x = grad_weight = None
    if ctx.needs_input_grad[0]:
        grad_x = torch.nn.grad.conv2d_input(x.shape, weight, grad_output, ctx.stride)
    if ctx.needs_input_grad[1]:
        grad_weight = torch.nn.grad.conv2d_weight(x, weight.shape, grad_output, ctx.stride)
    return grad_x, grad_weight


def inputs() -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return an image, a kernel and a stride."""
    draw = torch.Generator().manual_seed(3)
    x = torch.randn(2, 2, 5, 5, dtype=torch.float64, generator=draw, requires_grad=True)
    weight = torch.randn(3, 2, 3, 3, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, weight, 2


def reports() -> dict[str, Report]:
    """Check both attempts and the right version."""
    return {
        "first attempt": check(FirstAttempt, *inputs()),
        "second attempt": check(SecondAttempt, *inputs()),
        "right": check(LoggedConv2d, *inputs()),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
