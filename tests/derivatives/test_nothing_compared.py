"""Where nothing was told apart nothing is confirmed: no elements, no finite value, no gradient, too small a share."""

from __future__ import annotations

import math

import pytest
import torch
from along_lines import vector
from fake_oracle import FakeOracle, FakeReference, trials_of

from pytest_autograd.derivatives.coverage import (
    FLAT,
    is_flat,
    unresolved_arguments,
    why_nothing_can_be_compared,
)
from pytest_autograd.derivatives.directional_test import Judgement
from pytest_autograd.derivatives.finite_differences import Slope
from pytest_autograd.derivatives.first_order import FirstOrderTest
from pytest_autograd.derivatives.verdicts import Trial

NOT_IN_DOMAIN = "forward is {} at {} of {} outputs: give inputs in its domain"


@pytest.mark.parametrize(
    ("point", "outputs", "reason"),
    [
        ([vector(1.0)], [vector(2.0)], None),
        ([vector(), vector(1.0)], [vector(2.0), vector()], None),
        (
            [vector()],
            [vector(2.0)],
            "nothing was compared: the differentiated inputs have no elements",
        ),
        ([vector(1.0)], [vector()], "nothing was compared: the outputs have no elements"),
        ([vector(1.0)], [vector(1.0, -math.inf)], NOT_IN_DOMAIN.format("infinite", 1, 2)),
        (
            [vector(1.0)],
            [vector(math.inf), vector(2.0, math.nan)],
            NOT_IN_DOMAIN.format("NaN", 2, 3),
        ),
    ],
)
def test_why_nothing_can_be_compared(point, outputs, reason):
    assert why_nothing_can_be_compared(point, outputs) == reason


def trial(got, along):
    return Trial([], [], along, got, [], path=None)


def test_flat_is_a_gradient_that_is_zero_in_each_trial():
    zero, one = vector(0.0, 0.0), vector(0.0, 1e-300)
    assert is_flat([trial([zero, None], []), trial([None, zero], [])])
    assert not is_flat([trial([zero, None], []), trial([None, one], [])])


@pytest.mark.parametrize(("uncertainty", "places"), [(3.3e-5, [1]), (3.4e-5, [0, 1]), (0.0, [1])])
def test_share_of_which_three_sigma_are_a_hundredth_is_unresolved(uncertainty, places):
    """The shares are a hundredth and nothing."""
    judgement = Judgement("ok", 1.0, (Slope(1e-3, 1.0, uncertainty, 0.0, False),), 1.0)
    drawn = trial([vector(6e-3, 8e-3), None], [vector(1.0, -1.0), vector(5.0)])
    assert unresolved_arguments(drawn, judgement) == places


class Constant(FakeOracle):
    """Gives the same outputs everywhere, and zero for a gradient that is indeed zero."""

    outputs = (0.5, 0.5, 0.5)

    def forward(self, point):
        return [vector(*self.outputs)]

    def right(self, point, cotangents):
        return [torch.zeros_like(x) for x in point]


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ((0.5, 0.5, 0.5), FLAT),
        ((0.5, math.nan, math.inf), NOT_IN_DOMAIN.format("NaN", 2, 3)),
        ((), "nothing was compared: the outputs have no elements"),
    ],
)
def test_such_a_call_confirms_nothing(outputs, reason):
    oracle = Constant()
    oracle.outputs = outputs
    found = FirstOrderTest(trials_of(oracle, FakeReference())).verify()
    assert (found.confirmed, found.accuracy, found.vacuous) == (False, None, True)
    assert found.reason == reason
