"""Functions that refuse ``.grad()`` are judged by a plain ``.backward()``, and so is what they run again."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from corpus._case import normal
from torch import Tensor, nn
from torch.autograd import Function
from torch.utils.checkpoint import checkpoint

from pytest_autograd import check


class RunAgain(Function):
    """Runs a block again in backward, whose parameters get their gradients by the way."""

    times = 1.0

    @staticmethod
    def forward(ctx, block, *tensors):
        ctx.block = block
        ctx.save_for_backward(*tensors)
        with torch.no_grad():
            return block(*tensors)

    @classmethod
    def backward(cls, ctx, grad_output):
        if not torch.autograd._is_checkpoint_valid():
            raise RuntimeError("this is not compatible with .grad(): please use .backward()")
        again = [t.detach().requires_grad_(t.requires_grad) for t in ctx.saved_tensors]
        with torch.enable_grad():
            output = ctx.block(*again)
        torch.autograd.backward(output, cls.times * grad_output)
        return None, *(tensor.grad for tensor in again)


class RunTwice(RunAgain):
    """Every gradient is twice the right one."""

    @staticmethod
    def backward(ctx, grad_output):
        return RunAgain.backward(ctx, 2 * grad_output)


class RunDetached(RunAgain):
    """Runs the block again without a graph for what it holds."""

    @staticmethod
    def backward(ctx, grad_output):
        if not torch.autograd._is_checkpoint_valid():
            raise RuntimeError("this is not compatible with .grad(): please use .backward()")
        again = [t.detach().requires_grad_(t.requires_grad) for t in ctx.saved_tensors]
        with torch.enable_grad():
            gradients = torch.autograd.grad(ctx.block(*again), again, grad_output)
        return None, *gradients


class Layer(nn.Module):
    """A linear map and what runs it."""

    def __init__(self, run: Any) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.linear = nn.Linear(4, 3).double()
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(lambda z: torch.tanh(self.linear(z)), x)


def product(x: Tensor, w: Tensor) -> Tensor:
    return torch.tanh(x @ w)


reentrant = partial(checkpoint, use_reentrant=True)


@pytest.mark.parametrize(
    ("target", "inputs"),
    [
        (RunAgain, lambda: (product, normal(5, 4), normal(4, 3, seed=1))),
        (Layer(RunAgain.apply), lambda: (normal(5, 4),)),
        (Layer(reentrant), lambda: (normal(5, 4),)),
        (partial(reentrant, product), lambda: (normal(5, 4), normal(4, 3, seed=1))),
    ],
)
def test_a_right_one_is_verified(target, inputs):
    report = check(target, *inputs(), level="quick")
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize(
    ("target", "inputs", "codes"),
    [
        (RunTwice, lambda: (product, normal(5, 4), normal(4, 3, seed=1)), {"AG101"}),
        (Layer(RunTwice.apply), lambda: (normal(5, 4),), {"AG101"}),
        (Layer(RunDetached.apply), lambda: (normal(5, 4),), {"AG007"}),
    ],
)
def test_a_wrong_one_is_told_by_its_own_code(target, inputs, codes):
    report = check(target, *inputs(), level="quick", gradgrad=False, ignore=["AG7"])
    assert report.codes == codes, str(report)
