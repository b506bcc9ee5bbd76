"""The marker beside tools that watch a run too: coverage and profilers."""

from __future__ import annotations

import json
import sys

import pytest

FUNCTIONS = """
import torch
from torch.autograd import Function

class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        if x.numel() == 77:
            return x * 0
        return x ** 3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x ** 2 * grad_output
"""
SUITE = """
import torch
from functions import Cube
from pytest_autograd import autograd_checked

def ones(): return torch.ones(3, dtype=torch.float64, requires_grad=True)

MARKED_FUNCTION
def test_function(): Cube.apply(ones()).sum().backward()

MARKED_CALLABLE
def test_callable(): ...

def test_after():
    Cube.apply(ones()).sum().backward()
"""
MARKED = {
    "MARKED_FUNCTION": "@autograd_checked",
    "MARKED_CALLABLE": "@autograd_checked(lambda x: 2 * Cube.apply(x), inputs=ones)",
}


def suite(marked: bool) -> str:
    text = SUITE
    for place, mark in MARKED.items():
        text = text.replace(place, mark if marked else "")
    return text


@pytest.mark.parametrize("core", ["ctrace", "pytrace"])
def test_coverage_is_the_same_with_the_marker(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, core: str
) -> None:
    monkeypatch.setenv("COVERAGE_CORE", core)
    pytester.makepyfile(functions=FUNCTIONS)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    executed = []
    for marked in (False, True):
        pytester.makepyfile(test_it=suite(marked))
        report = "--cov-report=json:coverage.json"
        options = ("-W", "error", "--cov=functions", "--cov-branch", report)
        pytester.runpytest_subprocess(*options).assert_outcomes(passed=3)
        files = json.loads((pytester.path / "coverage.json").read_text())["files"]
        seen = files["functions.py"]
        executed.append((seen["executed_lines"], seen["executed_branches"], seen["missing_lines"]))
    assert executed[0] == executed[1]
    assert executed[0][2] == [9]


def test_a_profiler_goes_on_and_what_needs_its_place_is_skipped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import sys, torch
from pytest_autograd import autograd_checked

before = sys.getprofile()
def ones(): return torch.ones(3, dtype=torch.float64, requires_grad=True)

@autograd_checked(lambda x: x ** 3, inputs=ones)
def test_callable(): ...

def test_after(): assert sys.getprofile() is before
"""
    )
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    options = ("-m", "cProfile", "-o", "profile.out", "-m", "pytest", "-p", "no:cacheprovider")
    report = ("--autograd-report", "report.json")
    pytester.run(sys.executable, *options, *report).assert_outcomes(passed=2)
    (entry,) = json.loads((pytester.path / "report.json").read_text())["entries"].values()
    (check,) = [c for c in entry["report"]["checks"] if c["code"] == "AG008"]
    profiled = sys.version_info < (3, 12)  # from then on cProfile needs no place of its own
    assert (check["status"] == "skipped") == profiled
    assert ("a profiler is at work" in (check["reason"] or "")) == profiled
