"""Slopes by finite differences: right within what they say of themselves, kinks told, nothing asked twice."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from along_lines import close, counted, line_of, vector

from pytest_autograd.derivatives.finite_differences import (
    EPS,
    FunctionAlongLine,
    Samples,
    Slope,
    flat_real,
)

FINE = (1e-3, 1e-4, 1e-5, 1e-6)

SMOOTH = {
    "cubic": (lambda x: x**3 - 2 * x, 0.5, 0.75 - 2),
    "sin": (torch.sin, 0.7, math.cos(0.7)),
    "exp": (torch.exp, 1.0, math.e),
    "reciprocal": (torch.reciprocal, 0.5, -4.0),
    "large": (lambda x: 1e6 * x * x, 3.0, 6e6),
    "small": (lambda x: 1e-6 * x * x, 3.0, 6e-6),
}


@pytest.mark.parametrize("step", FINE)
@pytest.mark.parametrize(("function", "x", "derivative"), SMOOTH.values(), ids=SMOOTH)
def test_slope_is_right_within_its_uncertainty_which_is_near_rounding(
    function, x, derivative, step
):
    slope = line_of(function, x).slope(step, 0.0)
    assert abs(slope.value - derivative) <= slope.uncertainty
    assert slope.rounding == close(4 * EPS * abs(function(vector(x)).item()) / step)
    assert slope.rounding <= slope.uncertainty <= 20 * slope.rounding
    assert (slope.step, slope.kinked) == (step, False)


@pytest.mark.parametrize(
    ("power", "value", "uncertainty"),
    [
        (1, 1, 0),
        (3, 0, 0),
        (5, 0, 15 / 64 + 1 / 64),  # 1/4 and 1/64 are the two extrapolations, 0 the last
        (7, 1 / 64, 5 / 16 * 63 / 64 + 1 / 64 + 5 / 1024),
    ],
)
@pytest.mark.parametrize("step", [1.0, 0.25])
def test_two_extrapolations_leave_the_sixth_power_of_the_step(power, value, uncertainty, step):
    slope = line_of(lambda x: x**power, 0.0).slope(step, 0.0)
    unit = step ** (power - 1)
    assert slope.value == pytest.approx(value * unit, rel=1e-13, abs=1e-16)
    assert slope.uncertainty == pytest.approx(uncertainty * unit, rel=1e-13, abs=1e-16)


def test_rounding_grows_as_the_step_shrinks():
    line = line_of(torch.exp, 1.0)
    slopes = [line.slope(10.0**-k, 0.0) for k in range(3, 10)]
    for wide, near in pairwise(slopes):
        assert near.rounding == close(10 * wide.rounding)
        assert near.uncertainty > wide.uncertainty


def test_rounding_of_the_point_and_precision_of_the_function_count():
    assert line_of(torch.exp, 0.0).slope(1e-3, 5.0).rounding == close(24 * EPS / 1e-3)
    line = line_of(lambda x: 3 * x, 1.0, weights=torch.tensor(2.0), precision=1e-6)
    assert (line.size, line.noise) == close((6.0, 6e-6))
    assert line.slope(1e-3, 0.0).rounding == close(0.024)
    assert line_of(torch.exp, 0.0, precision=0.0).noise == EPS


def test_complex_slope_is_the_real_part_of_the_pairing():
    z, u, w = (torch.tensor([value]) for value in (0.3 - 0.8j, 1.2 + 0.5j, -0.7 + 0.9j))
    z, u, w = (value.to(torch.complex128) for value in (z, u, w))
    slope = line_of(lambda x: x**2, z, u, w).slope(1e-3, 0.0)
    derivative = (w.conj() * 2 * z * u).real.item()
    assert abs(slope.value - derivative) <= slope.uncertainty <= 1e-11
    conjugate = line_of(torch.conj, z, u, w).slope(1e-3, 0.0)
    assert abs(conjugate.value - (w * u).real.item()) <= conjugate.uncertainty <= 1e-11


def test_several_outputs_are_summed_and_one_that_is_none_counts_as_zeros():
    point, along = [vector(0.2, 0.4), vector(3.0)], [vector(1.0, -2.0), vector(0.5)]
    like = [vector(0.0, 0.0), vector(0.0), vector(7.0)]
    weights = [vector(2.0, 3.0), vector(-1.0), vector(1e9)]
    path = Samples(lambda p: [p[0].sin(), p[0].sum() * p[1], None], point, along, like)
    line = FunctionAlongLine(path, weights)
    derivative = 2 * math.cos(0.2) - 6 * math.cos(0.4) - (-1.0 * 3.0 + 0.6 * 0.5)
    slope = line.slope(1e-3, 0.0)
    assert abs(slope.value - derivative) <= slope.uncertainty <= 1e-11
    squares = (2 * math.sin(0.2)) ** 2 + (3 * math.sin(0.4)) ** 2 + 1.8**2
    assert line.size == close(squares**0.5)
    assert line.moved(0.5) == close(
        2 * math.sin(0.7)
        + 3 * math.sin(-0.6)
        - 0.1 * 3.25
        - 2 * math.sin(0.2)
        - 3 * math.sin(0.4)
        + 1.8
    )


@pytest.mark.parametrize("step", [*FINE, 1e-8])
@pytest.mark.parametrize(
    "function",
    [torch.abs, torch.relu, lambda x: 5 + torch.maximum(2 * x, x.sin()), lambda x: x.abs() + x**2],
    ids=["abs", "relu", "maximum", "with curvature"],
)
def test_kink_is_told_at_the_kink_and_not_beside_it(function, step):
    assert line_of(function, 0.0).slope(step, 0.0).kinked
    for beside in (0.01, -0.01):
        assert not line_of(function, beside).slope(step, 0.0).kinked


@pytest.mark.parametrize(("units", "kinked"), [(6, False), (7, True)])
def test_kink_must_stand_out_of_rounding_by_sigmas(units, kinked):
    """In powers of two all of it is exact: gap ``2 units * 2**-40`` against ``3 * 4 * noise = 12 * 2**-40``."""
    slope = line_of(lambda x: 1 + units * 2.0**-40 * x.abs(), 0.0).slope(2.0**-10, 0.0)
    assert slope.rounding == 2.0**-40
    assert slope.kinked is kinked


@pytest.mark.parametrize("step", FINE)
def test_jump_of_the_second_derivative_is_covered_and_no_kink(step):
    slope = line_of(lambda x: x * x.abs(), 0.0).slope(step, 0.0)
    assert slope.value == close(7 / 45 * step)
    assert slope.uncertainty == close(8 / 45 * step)
    assert not slope.kinked
    assert not line_of(lambda x: x.relu() ** 2, 0.0).slope(step, 0.0).kinked


@pytest.mark.parametrize("step", FINE)
def test_jump_is_uncertain_by_half_of_what_is_measured(step):
    slope = line_of(torch.sign, 0.0).slope(step, 0.0)
    assert slope.value == close(217 / 45 / step)
    assert slope.uncertainty == close(112 / 45 / step)


@pytest.mark.parametrize(
    ("value", "differs"),
    [(1.0, False), (1.75, False), (0.25, False), (1.7501, True), (0.2499, True), (math.nan, True)],
)
def test_slope_differs_beyond_three_uncertainties(value, differs):
    assert Slope(1e-3, 1.0, 0.25, 0.0, False).differs(value) is differs


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_slope_that_is_not_finite_differs_from_all(value):
    assert Slope(1e-3, value, 0.25, 0.0, False).differs(0.0)


def rounding_of(base, elsewhere):
    """The rounding seen where a function is constant but for its value at the point itself."""
    x = vector(0.0)
    path = Samples(lambda point: [elsewhere], [x], [x + 1], [base], [base])
    return FunctionAlongLine(path, [base]).rounding(1e-7)


@pytest.mark.parametrize(
    ("base", "elsewhere", "rounding"),
    [
        (vector(1 + 2e-5), vector(1.0), 6 * 2e-5 / 70**0.5),
        (vector(1.0, 1.0, 1.0), vector(1.0, 1.01, 1.02), 6 * 0.01 / 70**0.5),  # the median
        (vector(1.0, 2e-6), vector(1.0, 4e-6), 0.0),  # the lower of two medians
        (vector(1.0, 1.0, 2e-6, 2e-6, 2e-6), vector(1.0, 1.0, 0.0, 0.0, 0.0), 6 / 70**0.5),
        (vector(1.0, 1.0, 5e-7, 5e-7, 5e-7), vector(1.0, 1.0, 0.0, 0.0, 0.0), 0.0),  # dust
        (vector(0.0), vector(1.0), 0.0),
        (vector(1.0), vector(math.inf), 0.0),
        (vector(), vector(), 0.0),
    ],
)
def test_rounding_is_the_median_fourth_difference(base, elsewhere, rounding):
    assert rounding_of(base, elsewhere) == close(rounding, rel=1e-4)


def test_samples_keep_what_they_evaluated():
    forward, calls = counted(torch.sin)
    x = vector(0.7)
    path = Samples(forward, [x], [x], [x], [x.sin()])
    first = FunctionAlongLine(path, [x]).slope(1e-3, 0.0)
    assert len(calls) == 6  # the start was given
    second = FunctionAlongLine(path, [2 * x])
    assert second.slope(1e-3, 0.0).value == close(2 * first.value)
    assert len(calls) == 6
    second.slope(5e-4, 0.0)
    assert len(calls) == 8  # half and quarter of that step were known as halves of the other
    assert [float(point[0]) for point in calls[:2]] == close([0.7007, 0.6993])


def test_samples_evaluate_a_start_that_is_not_given():
    forward, calls = counted(torch.sin)
    path = Samples(forward, [vector(0.7)], [vector(1.0)], [vector(0.0)])
    assert [path.at(0.0).item(), path.at(0.0).item()] == [math.sin(0.7)] * 2
    assert len(calls) == 1


@pytest.mark.parametrize(("count", "calls_made"), [(1_000_000, 1), (1_000_001, 2)])
def test_large_samples_are_not_kept(count, calls_made):
    large = torch.zeros(count, dtype=torch.float64)
    forward, calls = counted(lambda x: large)
    path = Samples(forward, [vector(0.0)], [vector(1.0)], [large])
    assert path.at(1.0) is not None
    assert path.at(1.0).numel() == count
    assert len(calls) == calls_made


def test_flat_real_pairs_complex_values_and_fills_none():
    parts = [torch.tensor([1 + 2j]).conj(), None, torch.tensor([[3.0], [4.0]])]
    like = [torch.zeros(1, dtype=torch.complex64), torch.zeros(2), torch.zeros(2, 1)]
    flat = flat_real(parts, like)
    assert flat.dtype == torch.float64
    assert flat.tolist() == [1, -2, 0, 0, 3, 4]
