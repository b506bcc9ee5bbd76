"""A small project whose tests are run under ``--autograd-audit``, and what the report of that run tells."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

FUNCTIONS = """
import torch
from torch.autograd import Function

class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        print("forward speaks")
        return x ** 3
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x ** 2 * grad_output

class Silent(Cube):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

class BadCube(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x ** 2 * grad_output

class BadScale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, None

def ones(n, dtype=torch.float64):
    return torch.ones(n, dtype=dtype, requires_grad=True)
"""
Run = Callable[..., pytest.RunResult]


def audit_runner(pytester: pytest.Pytester) -> Run:
    """Return a runner of pytest on a suite, level quick, with a JSON report."""
    pytester.makepyfile(functions=FUNCTIONS)
    pytester.makeini(
        "[pytest]\nautograd_level = quick\nasyncio_default_fixture_loop_scope = function\n"
    )

    def run(body: str, *args: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=body)
        arguments = ("-p", "no:randomly", "--autograd-report", "report.json", *args)
        return pytester.runpytest_subprocess(*arguments)

    return run


def told(pytester: pytest.Pytester) -> dict[str, list[str]]:
    """Return what the last run found: by function and inputs the codes of errors, calls in front."""
    entries = json.loads((pytester.path / "report.json").read_text())["entries"].values()
    found: dict[str, list[str]] = {}
    for entry in entries:
        if entry["report"]:
            findings = entry["report"]["findings"]
            errors = sorted(f["code"] for f in findings if f["severity"] == "error")
            found[f"{entry['function']}({entry['inputs']})"] = [str(entry["calls"]), *errors]
    return found
