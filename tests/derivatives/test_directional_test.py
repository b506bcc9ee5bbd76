"""The judge on real functions: right claims hold, small errors are seen; kinks, noise and solvers are no faults."""

from __future__ import annotations

import math

import pytest
import torch
from along_lines import close, line_of, vector

from pytest_autograd.derivatives.directional_test import judge
from pytest_autograd.derivatives.finite_differences import EPS

FINE = (1e-3, 1e-4, 1e-5, 1e-6)
FINER = (1e-7, 1e-8, 1e-9)
COARSE = (1e-1, 3e-2, 1e-2, 3e-3)
FLOAT32, BFLOAT16 = torch.finfo(torch.float32).eps, torch.finfo(torch.bfloat16).eps
ONE = vector(0.7)
MANY = torch.linspace(0.3, 1.3, 50, dtype=torch.float64)

SMOOTH = {
    "sin": (torch.sin, torch.cos),
    "exp": (torch.exp, torch.exp),
    "cubic": (lambda x: x**3, lambda x: 3 * x**2),
    "log": (torch.log, torch.reciprocal),
}


def judged(function, x, claimed, precision=EPS, scale=None, rounding=0.0):
    scale = abs(claimed) if scale is None else scale
    return judge(line_of(function, x, precision=precision), claimed, scale, rounding)


def steps(judgement):
    return tuple(slope.step for slope in judgement.slopes)


@pytest.mark.parametrize("x", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize(("function", "derivative"), SMOOTH.values(), ids=SMOOTH)
class TestSmooth:
    @pytest.mark.parametrize("error", [0.0, 1e-14, -1e-14, 1e-13])
    def test_right_claim_holds_at_the_first_step(self, function, derivative, x, error):
        claimed = derivative(x).sum().item() * (1 + error)
        found = judged(function, x, claimed)
        assert (found.status, found.rough, steps(found)) == ("ok", False, (1e-3,))
        assert (found.claimed, found.scale) == (claimed, abs(claimed))
        assert found.discrepancy <= found.accuracy <= 3e-12

    @pytest.mark.parametrize("error", [-2.0, -1.0, 1e-2, -1e-2, 1e-4, 1e-6, 1e-8, 1e-9])
    def test_wrong_claim_is_wrong_at_the_second_step(self, function, derivative, x, error):
        right = derivative(x).sum().item()
        found = judged(function, x, right * (1 + error), scale=abs(right))
        assert (found.status, found.rough, steps(found)) == ("wrong", False, (1e-3, 1e-4))
        assert found.scale == close(right * max(1, abs(1 + error)))
        assert found.discrepancy == close(abs(error) * right / found.scale, rel=0.01)
        assert found.accuracy == found.discrepancy
        assert found.best.value == close(right, rel=1e-11)


@pytest.mark.parametrize("claimed", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("scale", [1.0, math.inf, math.nan])
def test_claim_that_is_not_finite_is_wrong_beside_any_slope(claimed, scale):
    found = judged(torch.sin, ONE, claimed, scale=scale, rounding=scale)
    assert (found.status, found.rough) == ("wrong", False)
    assert found.scale == close(math.cos(0.7))
    assert found.best.value == close(math.cos(0.7))


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_zero_is_right_for_a_constant_and_nothing_else_is(value):
    def function(x):
        return value + 0 * x

    assert judged(function, ONE, 0.0).status == "ok"
    assert judged(function, ONE, 1e-3).status == "wrong"


def test_missing_gradient_is_wrong_by_all_of_it():
    found = judged(torch.sin, ONE, 0.0)
    assert (found.status, found.discrepancy) == ("wrong", close(1.0, rel=1e-6))
    assert found.scale == close(math.cos(0.7))


@pytest.mark.parametrize("claimed", [-1.0, 0.0, 0.5, 1.0, 1e3])
@pytest.mark.parametrize("function", [torch.abs, torch.relu, lambda x: x.sin() + 0.1 * x.abs()])
def test_at_a_kink_no_claim_is_judged(function, claimed):
    found = judged(function, vector(0.0), claimed, scale=1.0)
    assert (found.status, steps(found)[:4], found.best.kinked) == ("kink", FINE, True)


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-5])
@pytest.mark.parametrize("function", [torch.abs, torch.relu])
def test_beside_a_kink_each_claim_is_judged(function, distance):
    assert judged(function, vector(distance), 1.0).status == "ok"
    assert judged(function, vector(distance), 0.9).status == "wrong"
    assert judged(function, vector(distance), 0.0).status == "wrong"


@pytest.mark.parametrize(
    ("slope", "error", "status"),
    [(1, 0, "ok"), (1, 1e-2, "wrong"), (1, -1, "wrong"), (0, 0, "ok"), (0, 1e-2, "unresolved")],
)
def test_jump_of_the_second_derivative_is_judged_beside_a_slope(slope, error, status):
    found = judged(lambda x: slope * x + x * x.abs(), vector(0.0), slope + error, scale=1.0)
    assert (found.status, found.rough) == (status, False)


@pytest.mark.parametrize("claimed", [1.0, 1000.0])
@pytest.mark.parametrize("function", [torch.sign, lambda x: (x + 1).floor()])
def test_at_a_jump_no_claim_holds(function, claimed):
    assert judged(function, vector(0.0), claimed).status != "ok"


def noisy(level):
    return lambda x: x.sin() * (1 + level * torch.sin(1e12 * x))


@pytest.mark.parametrize("claimed", [1.5, 3.0, -1.0, 10.0])
@pytest.mark.parametrize("level", [1e-8, 1e-6])
def test_noise_that_nobody_told_is_never_taken_for_a_fault(level, claimed):
    found = judged(noisy(level), ONE, claimed * math.cos(0.7))
    assert (found.status, found.rough, steps(found)) == ("unresolved", False, FINE + FINER)
    assert judged(noisy(level), ONE, math.cos(0.7)).status == "ok"


@pytest.mark.parametrize("claimed", [1.0, 1.5, -1.0, 10.0])
@pytest.mark.parametrize("level", [1e-3, 1e-2])
def test_noise_that_drowns_the_slope_leaves_all_open(level, claimed):
    found = judged(noisy(level), ONE, claimed * math.cos(0.7), precision=2 * level)
    assert (found.status, found.rough, steps(found)) == ("unresolved", False, COARSE)
    assert found.best.uncertainty > 2 * level * math.sin(0.7)


@pytest.mark.parametrize("level", [1e-8, 1e-6])
def test_noise_that_was_told_leaves_what_stands_out(level):
    right, wrong = (judged(noisy(level), ONE, k * math.cos(0.7), 2 * level) for k in (1.0, 1.5))
    assert (right.status, wrong.status) == ("ok", "wrong")
    assert level < right.accuracy < 150 * level
    assert wrong.discrepancy == close(1 / 3, rel=1e-3)


def solver_like(amplitude, frequency):
    """Return a smooth function with a small fast ripple that is steep at 0.7, as where a solver stops early."""
    return lambda x: 10 + x.sin() + amplitude * torch.sin(frequency * (x - 0.7))


@pytest.mark.parametrize(
    ("amplitude", "frequency"), [(1e-5, 1e4), (5e-5, 1e4), (1e-6, 1e5), (5e-5, 1e5), (1e-5, 1e6)]
)
def test_solver_that_stops_early_is_rough_and_not_wrong(amplitude, frequency):
    found = judged(solver_like(amplitude, frequency), ONE, math.cos(0.7))
    assert (found.status, found.rough) == ("unresolved", True)


@pytest.mark.parametrize(
    ("amplitude", "frequency", "claimed"),
    [
        (1e-5, 1e3, 1.0),  # the ripple's slope is a hundredth only: no other function is meant
        (5e-4, 1e4, 1.0),  # too large for what a solver leaves
        (1e-5, 1e4, 1.1),  # wide steps follow another claim
        (1e-5, 1e4, 0.0),
    ],
)
def test_ripple_that_is_no_solvers_is_judged(amplitude, frequency, claimed):
    found = judged(solver_like(amplitude, frequency), ONE, claimed * math.cos(0.7))
    assert (found.status, found.rough) == ("wrong", False)


@pytest.mark.parametrize("amplitude", [1e-3, 1.0])
def test_ripple_that_is_large_and_fast_is_no_solvers(amplitude):
    assert not judged(solver_like(amplitude, 1e5), ONE, math.cos(0.7)).rough


@pytest.mark.parametrize("steepness", [1e3, 1e4, 1e5, 1e6, 1e7])
def test_steep_function_is_judged_at_finer_steps(steepness):
    def function(x):
        return torch.sin(steepness * x)

    x, derivative = vector(0.3 / steepness), steepness * math.cos(0.3)
    right, wrong = (judged(function, x, k * derivative) for k in (1.0, 1.01))
    assert (right.status, wrong.status) == ("ok", "wrong")
    assert right.accuracy < 1e-6
    assert wrong.discrepancy == close(0.01 / 1.01, rel=1e-3)
    assert (right.best.step < 1e-6) is (steepness > 1e5)
    for found in (right, wrong):
        assert steps(found) == (FINE + FINER)[: len(found.slopes)]


@pytest.mark.parametrize("x", [ONE, MANY], ids=["one", "many"])
class TestFloat32:
    @staticmethod
    def claim(x, relative, precision):
        claimed = x.cos().sum().item() * (1 + relative)
        return judged(lambda x: x.float().sin().double(), x, claimed, precision)

    @pytest.mark.parametrize("error", [0.0, 1e-8, 1e-6])
    def test_right_claim_holds_to_the_precision_told(self, x, error):
        found = self.claim(x, error, FLOAT32)
        assert (found.status, steps(found)) == ("ok", COARSE)
        assert FLOAT32 < found.accuracy < 1e-5

    @pytest.mark.parametrize("error", [1.0, 1e-2, 1e-3, 1e-4])
    def test_wrong_claim_is_wrong_with_the_precision_told(self, x, error):
        found = self.claim(x, error, FLOAT32)
        assert (found.status, steps(found)) == ("wrong", COARSE[:2])
        assert found.discrepancy == close(error / (1 + error), rel=0.05)

    def test_without_the_precision_nothing_is_called_wrong_and_little_vouched_for(self, x):
        found = self.claim(x, 0.0, EPS)
        assert (found.status, steps(found)) == ("ok", FINE)
        assert 1e-6 < found.accuracy < 1e-2
        assert [self.claim(x, e, EPS).status for e in (0.01, 1.0)] == ["unresolved"] * 2


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_bfloat16_leaves_all_open_once_told(error):
    def function(x):
        return x.bfloat16().sin().double()

    claimed = math.cos(0.7) * (1 + error)
    assert judged(function, ONE, claimed, BFLOAT16).status == "unresolved"
    assert judged(function, ONE, claimed).status == "wrong"  # it is flat at fine steps
