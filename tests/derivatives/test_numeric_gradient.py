"""Gradients by finite differences, element by element: right within their tolerance, NaN where time ran out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from along_lines import close, counted, vector

from pytest_autograd.derivatives import finite_differences
from pytest_autograd.derivatives.finite_differences import EPS, numeric_gradient, numeric_tolerance
from pytest_autograd.errors import NotApplicable

FLOAT32 = torch.finfo(torch.float32).eps


def gradient_of(function, x, precision=EPS, cotangent=None):
    output = function(x)
    cotangent = torch.ones_like(output) if cotangent is None else cotangent
    return numeric_gradient(lambda p: [function(p[1])], [x, x], [cotangent], 1, precision)


@pytest.mark.parametrize("x", [vector(0.3, -1.2, 0.0), vector(40.0, -300.0)], ids=["near", "far"])
def test_numeric_gradient_is_right_far_within_its_tolerance(x):
    cotangent = torch.arange(1.0, 1 + x.numel(), dtype=torch.float64)
    got = gradient_of(lambda x: x.sin() + x**2, x, cotangent=cotangent)
    want = cotangent * (x.cos() + 2 * x)
    assert float((got - want).abs().max() / want.abs().max()) <= 1e-3 * numeric_tolerance(EPS)


def test_numeric_gradient_by_complex_numbers_is_in_torchs_convention():
    x = torch.tensor([[0.3 - 0.8j, -1.1 + 0.2j]], dtype=torch.complex128)
    v = torch.tensor([[0.5 + 2j, -1 + 0.7j]], dtype=torch.complex128)
    for function in (torch.square, torch.abs, torch.conj):
        leaf = x.clone().requires_grad_()
        sent = v if function(x).is_complex() else v.real
        (want,) = torch.autograd.grad(function(leaf), leaf, sent)
        got = gradient_of(function, x, cotangent=sent)
        assert (got.shape, got.dtype) == (x.shape, x.dtype)
        assert float((got - want).abs().max()) <= 1e-9


@pytest.mark.parametrize(
    ("precision", "step"), [(EPS, 1e-4), (1e-9, 1e-4), (2e-9, 2e-9 ** (1 / 3)), (FLOAT32, 0.0049)]
)
@pytest.mark.parametrize(("x", "scale"), [(0.5, 1.0), (-8.0, 8.0)])
def test_numeric_gradient_steps_suit_precision_and_point(precision, step, x, scale):
    forward, calls = counted(torch.sin)
    numeric_gradient(forward, [vector(x)], [vector(1.0)], 0, precision)
    moves = [float(point[0]) - x for point in calls]
    h = step * scale
    assert moves == close([h, -h, h / 2, -h / 2], rel=5e-3)


def test_numeric_gradient_of_float32_is_right_within_a_tolerance_that_suits_it():
    x = torch.linspace(-1, 1, 20, dtype=torch.float64)
    known, guessed = (
        float((gradient_of(lambda x: x.float().sin().double(), x, p) - x.cos()).abs().max())
        for p in (FLOAT32, EPS)
    )
    assert known <= numeric_tolerance(FLOAT32) / 10
    assert guessed > 10 * known


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [(EPS, 1e-6), (1e-9, 1e-6), (1.000001e-9, 2e-5), (1e-6, 2e-3), (FLOAT32, 4.844e-4)],
)
def test_numeric_tolerance(precision, tolerance):
    assert numeric_tolerance(precision) == close(tolerance, rel=1e-3)


@pytest.mark.parametrize(("budget", "measured"), [(None, 5), (2.5, 2), (0.0, 0)])
def test_elements_beyond_the_time_budget_are_nan(monkeypatch, budget, measured):
    """By a clock that gains a second each time it is read."""
    ticks = iter(range(100))
    monkeypatch.setattr(finite_differences, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    if budget is not None:
        monkeypatch.setattr(finite_differences, "BUDGET_SECONDS", budget)
    got = gradient_of(torch.square, torch.full((7,), 1.5, dtype=torch.float64))
    assert got.isnan().tolist() == [False] * measured + [True] * (7 - measured)
    assert got[:measured].tolist() == close([3.0] * measured)


def test_no_time_at_all_measures_nothing(monkeypatch):
    monkeypatch.setattr(finite_differences, "BUDGET_SECONDS", 0)
    assert gradient_of(torch.square, vector(1.5, 2.5)).isnan().tolist() == [True, True]


@pytest.mark.parametrize("error", [NotApplicable, ZeroDivisionError])
def test_elements_at_which_forward_refuses_are_nan_and_other_errors_are_not_hidden(error):
    def bounded(x):
        if float(x.max()) > 2.5:
            raise error("outside of the domain")
        return x.square()

    x = vector(1.5, 2.5, -2.0)
    if error is ZeroDivisionError:
        with pytest.raises(error, match="outside"):
            gradient_of(bounded, x)
    else:
        got = gradient_of(bounded, x)
        assert got.isnan().tolist() == [False, True, False]
        assert got[[0, 2]].tolist() == close([3.0, -4.0])
