"""Parameters that are no arguments: lost, or fed by a backward that runs forward again."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch import nn
from torch.autograd import Function

from pytest_autograd import check


def layer() -> nn.Linear:
    return nn.Linear(4, 3, dtype=torch.float64)


CLOSED_OVER = layer()


class Again(Function):
    """Runs a module again in backward, which adds to the gradients of its parameters."""

    @staticmethod
    def forward(ctx, x, module):
        ctx.save_for_backward(x)
        ctx.module = module
        return module(x).tanh()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            ctx.module(leaf).tanh().backward(grad_output)
        return leaf.grad, None


class AgainInPieces(Again):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grads = []
        for row, sent in zip(x.detach(), grad_output, strict=True):
            leaf = row.clone().requires_grad_()
            with torch.enable_grad():
                y = ctx.module(leaf).tanh()
            torch.autograd.backward(y, sent)
            grads.append(leaf.grad)
        return torch.stack(grads), None


class AgainByClosure(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return CLOSED_OVER(x).square()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            y = CLOSED_OVER(leaf).square()
        y.backward(grad_output)
        return leaf.grad


class Forgotten(Again):
    """Returns the gradient of x alone."""

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            (grad,) = torch.autograd.grad(ctx.module(leaf).tanh(), leaf, grad_output)
        return grad, None


@pytest.mark.parametrize(
    ("target", "inputs", "severity"),
    [
        (Again, lambda: (normal(2, 4), layer()), "note"),
        (AgainInPieces, lambda: (normal(2, 4), layer()), "note"),
        (AgainByClosure, lambda: (normal(2, 4),), "note"),
        (Forgotten, lambda: (normal(2, 4), layer()), "error"),
    ],
)
def test_captured_parameter_is_an_error_where_nobody_feeds_it(target, inputs, severity) -> None:
    report = check(target, *inputs(), level="quick", gradgrad=False)
    told = {finding.severity for finding in report.findings if finding.code == "AG007"}
    assert told == {severity}, str(report)


@pytest.mark.parametrize("held", [None, 5.0])
@pytest.mark.parametrize("kind", ["argument", "closure", "of a callable"])
def test_the_gradients_that_it_feeds_are_those_of_before(kind: str, held: float | None) -> None:
    module = CLOSED_OVER if kind == "closure" else layer()
    before = None if held is None else torch.full_like(module.weight, held)
    module.weight.grad = before
    x = normal(2, 4)
    if kind == "argument":
        check(Again, x, module, level="quick", gradgrad=False)
    elif kind == "closure":
        check(AgainByClosure, x, level="quick", gradgrad=False)
    else:
        check(lambda given: Again.apply(given, module), x, level="quick", gradgrad=False)
    assert module.weight.grad is before
    assert before is None or bool((before == held).all())
