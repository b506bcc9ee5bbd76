"""A small project on which tests run pytest in a subprocess."""

from __future__ import annotations

from collections.abc import Callable

import pytest

FUNCTIONS = """
import torch
from torch.autograd import Function

class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x ** 2 * grad_output

class BadCube(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_x = 2 * x ** 2 * grad_output
        return grad_x

alias = BadCube.apply

def make_inputs():
    return (torch.linspace(-1, 2, 5, dtype=torch.float64, requires_grad=True),)
"""
HEAD = """
import pytest, torch
from functions import *
from pytest_autograd import autograd_checked
"""


def runner(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Return a runner: it writes the test file and runs pytest on it, level quick."""
    pytester.makepyfile(functions=FUNCTIONS)
    pytester.makeini(
        "[pytest]\nautograd_level = quick\nasyncio_default_fixture_loop_scope = function\n"
    )

    def run(body: str, *args: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=HEAD + body)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *args)

    return run
