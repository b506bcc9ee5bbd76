"""The plugin as a project sees it. Each test runs pytest in a subprocess on a small project."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from plugin_project import runner


@pytest.fixture
def project(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Return a runner of pytest on a test file."""
    return runner(pytester)


def test_all_four_forms_verify_and_fail(project) -> None:
    result = project(
        """
@autograd_checked
def test_bare_good():
    Cube.apply(*make_inputs())

@autograd_checked
def test_bare_bad():
    BadCube.apply(*make_inputs())

@autograd_checked(gradgrad=False, ignore=["AG7"])
def test_options_bad():
    alias(*make_inputs())

@autograd_checked(Cube, inputs=make_inputs)
def test_target_good(): ...

@autograd_checked(BadCube, inputs=[make_inputs, make_inputs()])
def test_target_bad(): ...

@pytest.mark.autograd_checked(function=BadCube, inputs=make_inputs)
def test_plain_mark_bad(): ...
"""
    )
    result.assert_outcomes(passed=2, failed=4)
    result.stdout.fnmatch_lines(
        [
            "error[[]AG101[]] wrong-gradient: the gradient of x is wrong in float64: it is 0.6667 x the right one *",
            "  --> functions.py:18 in BadCube",
            "   | grad_x = 2 [*] x [*][*] 2 [*] grad_output",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*traceback*")


def test_every_way_to_reach_apply_is_recorded(project) -> None:
    result = project(
        """
class Own(BadCube):
    @classmethod
    def apply(cls, x, power=3):
        return super().apply(x)

class Composable(Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(x): return x ** 2
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return x * g

class Layer(torch.nn.Module):
    def forward(self, x): return alias(x)

@autograd_checked
@pytest.mark.parametrize("call", [
    alias, Own.apply, Layer(), lambda x: torch.no_grad()(alias)(x),
    lambda x: torch.utils.checkpoint.checkpoint(alias, x, use_reentrant=False),
    lambda x: torch.func.grad(lambda y: Composable.apply(y).sum())(x),
    lambda x: torch.func.vmap(Composable.apply)(x),
], ids=["alias", "own", "module", "no_grad", "checkpoint", "grad", "vmap"])
def test_reached(call):
    call(torch.linspace(-1, 2, 6, dtype=torch.float64))
""",
        "-rf",
    )
    result.assert_outcomes(failed=7)
    assert result.stdout.str().count("\nerror[AG101]") == 7


def test_a_marked_test_that_calls_no_function_fails_clearly(project) -> None:
    result = project("@autograd_checked\ndef test_nothing(): torch.ones(3).sum()\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["autograd_checked: the test calls no custom autograd Function*"])


def test_a_failing_body_is_reported_as_itself(project) -> None:
    result = project(
        "@autograd_checked\ndef test_own():\n    BadCube.apply(*make_inputs())\n    assert 1 == 2\n"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2"])
    result.stdout.no_fnmatch_line("*AG101*")


def test_a_lone_function_class_is_refused_at_decoration_and_at_collection(project) -> None:
    decorated = project("@autograd_checked(Cube)\ndef test_lost(): ...\n")
    decorated.assert_outcomes(errors=1)
    decorated.stdout.fnmatch_lines(["*write @autograd_checked(function=Cube, inputs=make_inputs)*"])
    marked = project("@pytest.mark.autograd_checked(Cube)\ndef test_lost(): ...\n")
    marked.assert_outcomes(errors=1)
    marked.stdout.fnmatch_lines(["*write @autograd_checked(function=Cube, inputs=make_inputs)*"])


def test_inconclusive_fails_unless_allowed(project) -> None:
    result = project(
        """
import numpy as np
class Noise(Function):
    @staticmethod
    def forward(ctx, x):
        rough = torch.from_numpy(np.sin(1e9 * x.detach().numpy()))
        ctx.save_for_backward(x)
        return rough
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 1e9 * torch.cos(1e9 * x) * g

@autograd_checked
def test_strict(): Noise.apply(*make_inputs())

@autograd_checked(allow_inconclusive=True)
def test_lenient(): Noise.apply(*make_inputs())
"""
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["Noise: inconclusive: not confirmed:*"])


def test_contracts_reach_the_check(project) -> None:
    result = project(
        """
class Round(Function):
    @staticmethod
    def forward(ctx, x): return x.round()
    @staticmethod
    def backward(ctx, g): return g

@autograd_checked(surrogate=lambda x: x * 1)
def test_declared(): Round.apply(*make_inputs())

@autograd_checked(surrogate=lambda x: x * 2)
def test_declared_wrongly(): Round.apply(*make_inputs())

@autograd_checked
def test_undeclared(): Round.apply(*make_inputs())
""",
        "-rf",
    )
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["*against the declared surrogate*", "*declare it with surrogate=*"]
    )


def test_classes_unittest_async_and_parametrised_tests_work(project) -> None:
    result = project(
        """
import unittest

@autograd_checked
class TestClass:
    @pytest.mark.parametrize("n", [1, 3])
    def test_size(self, n): Cube.apply(torch.ones(n, dtype=torch.float64))
    def test_bad(self): BadCube.apply(torch.ones(2, dtype=torch.float64))

class TestUnit(unittest.TestCase):
    @autograd_checked
    def test_unit(self): BadCube.apply(torch.ones(2, dtype=torch.float64))

@autograd_checked
@pytest.mark.asyncio
async def test_async(): BadCube.apply(torch.ones(2, dtype=torch.float64))

def test_fixture(autograd_check):
    report = autograd_check(BadCube, *make_inputs())
    assert (report.verdict, report.level, report.codes) == ("failed", "quick", {"AG101"})
"""
    )
    result.assert_outcomes(passed=3, failed=3)


def test_random_streams_are_left_alone(project) -> None:
    result = project(
        """
import random
seen = []

@autograd_checked
def test_first():
    torch.manual_seed(1); random.seed(1)
    Cube.apply(*make_inputs())
    seen.append((torch.get_rng_state(), random.getstate()))

def test_second():
    state, python_state = seen[0]
    assert torch.equal(state, torch.get_rng_state()) and python_state == random.getstate()
"""
    )
    result.assert_outcomes(passed=2)


def test_torch_is_not_imported_without_a_marked_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import sys
from pytest_autograd import autograd_checked
from pytest_autograd.registry import all_rules

def test_free():
    assert len(all_rules()) > 20
    assert "torch" not in sys.modules

@autograd_checked
def test_deselected(): ...
"""
    )
    pytester.makeini("[pytest]\n")
    result = pytester.runpytest_subprocess("-k", "free", "-p", "no:asyncio")
    result.assert_outcomes(passed=1, deselected=1)


def test_the_marker_and_options_are_documented(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\n")
    markers = pytester.runpytest_subprocess("--markers", "-p", "no:asyncio")
    markers.stdout.fnmatch_lines(["@pytest.mark.autograd_checked(*"])
    usage = pytester.runpytest_subprocess("--help", "-p", "no:asyncio")
    usage.stdout.fnmatch_lines(
        ["verification of hand-written gradients:", "*--autograd-level*", "*--autograd-time-limit*"]
    )
