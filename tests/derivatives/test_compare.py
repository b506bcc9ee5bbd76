"""How far gradients are apart, relative to their scale, and what that makes of an argument: ok, inexact, wrong."""

from __future__ import annotations

import math

import pytest
import torch
from along_lines import close, vector

from pytest_autograd.derivatives.compare import (
    Difference,
    apart,
    first_difference,
    minus,
    relative_error,
)
from pytest_autograd.derivatives.finite_differences import EPS
from pytest_autograd.derivatives.verdicts import ArgumentVerdict, Trial, compare_one
from pytest_autograd.errors import TargetRaised

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("want", "got", "floor", "error"),
    [
        ([1.0, -4.0], [1.0, -4.0], 0.0, 0.0),
        ([1.0, -4.0], [1.5, -4.0], 0.0, 0.125),
        ([1.0, -4.0], [1.0, 4.0], 0.0, 2.0),
        ([1.0, -4.0], [1.5, -4.0], 16.0, 0.03125),
        ([1.0, -4.0], [1.5, -4.0], 2.0, 0.125),
        ([1.0, -4.0], [1.0, NAN], 0.0, INF),
        ([1.0, -4.0], [1.0, INF], 0.0, INF),
        ([1.0, INF], [1.0, INF], 0.0, 0.0),
        ([1.0, INF], [1.0, -INF], 0.0, INF),
        ([1.0, INF], [1.0, 5.0], 0.0, INF),
        ([NAN, 2.0], [7.0, 2.5], 0.0, 0.25),
        ([NAN, 2.0], [NAN, 2.0], 0.0, 0.0),
        ([NAN, 2.0], [INF, 2.0], 0.0, 0.0),
        ([NAN, NAN], [1.0, 2.0], 0.0, 0.0),
        ([0.0, 0.0], [0.0, 0.0], 0.0, 0.0),
        ([0.0, 0.0], [0.0, 1e-9], 0.0, 1.0),
        ([0.0, 0.0], [0.0, 1e-9], 1.0, 1e-9),
        ([], [], 0.0, 0.0),
    ],
)
def test_relative_error(want, got, floor, error):
    assert relative_error(vector(*want), vector(*got), floor) == error


def test_an_infinite_value_that_is_right_hides_no_wrong_one_beside_it():
    assert relative_error(vector(INF, 1.0), vector(INF, 2.0)) > 0


def test_relative_error_of_complex_gradients_is_by_magnitude():
    want = torch.tensor([3 + 4j, 0j], dtype=torch.complex128)
    assert relative_error(want, want + 1j) == 0.2
    assert relative_error(want, want.conj()) == 1.6
    assert relative_error(want * complex(NAN, 0), want) == 0.0
    assert relative_error(want, want * complex(0, INF)) == INF


@pytest.mark.parametrize(
    ("want", "got", "error"),
    [
        (None, None, 0.0),
        (None, vector(0.0), 1.0),
        (vector(0.0), None, 1.0),
        (vector(2.0), vector(3.0), 0.5),
    ],
)
def test_apart_counts_a_missing_result_as_wholly_wrong(want, got, error):
    assert apart(want, got) == error


def difference(want, got, tolerance):
    return first_difference("elsewhere", "abc", want, lambda: got, tolerance)


def test_first_difference_is_the_first_in_order_beyond_the_tolerance():
    want = [vector(1.0), vector(1.0), vector(1.0)]
    got = [vector(1.25), vector(1.5), vector(2.0)]
    assert difference(want, got, 0.1) == Difference("elsewhere", "a", 0.25, None)
    assert difference(want, got, 0.25) == Difference("elsewhere", "b", 0.5, None)
    assert difference(want, got, 0.5) == Difference("elsewhere", "c", 1.0, None)
    assert difference(want, got, 1.0) is None


def test_first_difference_tells_none_from_zeros():
    zeros = vector(0.0)
    assert difference([zeros, None, None], [zeros, None, zeros], 0.5) == Difference(
        "elsewhere", "c", 1.0
    )
    assert difference([zeros, None, None], [None, None, None], 0.5) == Difference(
        "elsewhere", "a", 1.0
    )
    assert difference([None] * 3, [None] * 3, 0.0) is None


def test_first_difference_is_what_the_checked_code_raised_and_nothing_else():
    error = ZeroDivisionError("by zero")

    def ask(raised):
        raise raised

    found = first_difference("there", "a", [None], lambda: ask(TargetRaised("x", error)), 0.1)
    assert found == Difference("there", None, 0.0, error)
    with pytest.raises(ZeroDivisionError, match="by zero"):
        first_difference("there", "a", [None], lambda: ask(error), 0.1)


def test_minus_counts_none_as_zero():
    one, three = vector(1.0), vector(3.0)
    found = minus([one, one, None, None], [three, None, three, None])
    assert [None if value is None else value.item() for value in found] == [-2, 1, -3, None]
    assert found[1] is one


WANT = vector(2.0, -4.0)


@pytest.mark.parametrize(
    ("off", "limits", "status", "error"),
    [
        (0.0, {}, "ok", 0.0),
        (2**-10, {}, "ok", 2**-12),
        (2**-8, {}, "ok", 2**-10),
        (2**-7, {}, "inexact", 2**-9),
        (2**-4, {}, "inexact", 2**-6),
        (2**-3, {}, "wrong", 2**-5),
        (2**-7, {"floor": 4.0}, "inexact", 2**-9),
        (2**-3, {"floor": 8.0}, "unresolved", 2**-6),  # all of it lies below the floor
        (2**-2, {"floor": 8.0}, "wrong", 2**-5),
        (2**-3, {"floor": 128.0}, "ok", 2**-10),
        (2**-3, {"rounding": 2**-3}, "ok", 2**-10),
        (2**-3, {"rounding": 2**-3 * 0.999}, "wrong", 2**-5),
        (NAN, {"rounding": INF, "floor": 1e9}, "wrong", INF),
    ],
)
def test_compare_one_is_inexact_above_the_tolerance_and_wrong_above_rtol(
    off, limits, status, error
):
    got = WANT + vector(off, 0.0)
    found = compare_one("x", WANT, got, WANT, tolerance=2**-10, rtol=2**-6, **limits)
    assert (found.name, found.status, found.error, found.tolerance) == ("x", status, error, 2**-10)
    if status == "ok":
        assert found == ArgumentVerdict("x", "ok", error, 2**-10, None, None)
    else:
        assert found.expected is not None
        assert torch.equal(found.expected, WANT)
        assert found.got is not None
        assert torch.equal(found.got, got) or math.isnan(off)


@pytest.mark.parametrize(
    ("want", "got", "status", "error"),
    [
        (None, None, "ok", 0.0),
        (vector(0.0, 0.0), None, "ok", 0.0),
        (None, vector(0.0, 0.0), "ok", 0.0),
        (None, WANT, "wrong", 1.0),
        (WANT, None, "missing", 1.0),
        (vector(NAN, NAN), None, "ok", 0.0),
    ],
)
def test_compare_one_takes_none_for_zeros_and_says_missing(want, got, status, error):
    found = compare_one("x", want, got, WANT, tolerance=1e-9, rtol=1e-6)
    assert (found.status, found.error) == (status, error)
    if status == "missing":
        assert found.got is None
        assert found.expected is not None
        assert torch.equal(found.expected, WANT)


def test_missing_gradient_that_is_rounding_only_is_no_error():
    assert compare_one("x", WANT, None, WANT, 1e-9, 1e-6, rounding=4.0).status == "ok"
    assert compare_one("x", WANT, None, WANT, 1e-9, 1e-6, rounding=3.99).status == "missing"


def trial(cotangents, outputs):
    return Trial([], cotangents, [], [], outputs, path=None)


@pytest.mark.parametrize(
    ("cotangents", "outputs", "x", "floor"),
    [
        ([vector(2.0)], [vector(3.0)], vector(4.0), 1e-4 * 6 / 4),
        ([vector(2.0, -2.0)], [vector(3.0, 3.0)], vector(4.0), 1e-4 * 6 / 4),  # no more outputs
        ([vector(2.0)], [vector(3.0)], vector(4.0, -4.0), 1e-4 * 6 / 4 / 2),  # but more inputs
        ([vector(3.0), vector(4.0)], [vector(1.0), vector(1.0)], vector(1.0), 1e-4 * 12.5**0.5),
        ([vector(2.0)], [vector(3.0)], vector(1e-5), 1e-4 * 6 / 1e-2),
        ([vector(2.0)], [vector(INF)], vector(4.0), 0.0),
        ([vector(2.0)], [vector(3.0)], vector(), 0.0),
        ([], [], vector(4.0), 0.0),
    ],
)
def test_floor_is_a_small_part_of_outputs_over_inputs(cotangents, outputs, x, floor):
    assert trial(cotangents, outputs).floor(x) == close(floor)


def test_rounding_is_that_of_the_largest_cotangent():
    assert trial([vector(1.0, -3.0), vector(2.0), vector()], []).rounding == 24 * EPS
    assert trial([vector()], []).rounding == 0.0
