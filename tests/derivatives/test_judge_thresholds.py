"""The judge's thresholds, met from both sides by slopes that are made up."""

from __future__ import annotations

import pytest
from along_lines import close

from pytest_autograd.derivatives.directional_test import Judgement, judge
from pytest_autograd.derivatives.finite_differences import EPS, Slope
from pytest_autograd.errors import NotApplicable

FINE = [1e-3, 1e-4, 1e-5, 1e-6]
FINER = [1e-7, 1e-8, 1e-9]
COARSE = [1e-1, 3e-2, 1e-2, 3e-3]
WIDE = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3]
USELESS = {"uncertainty": 1e9}


class MadeUpLine:
    """What the judge asks of a line: ``slopes`` has what is special at some steps, the rest is ``usual``.

    At a step whose special is None, forward refuses.
    """

    def __init__(self, usual, slopes=None, *, size=1.0, noise=0.0, precision=EPS, deviation=0.0):
        self.usual = {"value": 1.0, "uncertainty": 1e-6, "rounding": 0.0, "kinked": False} | usual
        self.slopes, self.deviation = slopes or {}, deviation
        self.size, self.noise, self.precision = size, noise, precision
        self.asked = []

    def slope(self, step, rounding):
        self.asked.append(step)
        special = self.slopes.get(step, {})
        if special is None:
            raise NotApplicable("outside of the domain")
        return Slope(step, **self.usual | special)

    def moved(self, t):
        return t * 1.0 + abs(t) / 1e-3 * self.deviation


def judged(line, claimed=1.0, scale=1.0, rounding=0.0):
    return judge(line, claimed, scale, rounding)


def steps(judgement):
    return [slope.step for slope in judgement.slopes]


@pytest.mark.parametrize(("uncertainty", "tried"), [(1e-10, FINE[:1]), (1.01e-10, FINE)])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_no_smaller_step_is_tried_once_it_is_good_enough(uncertainty, tried, scale):
    found = judged(MadeUpLine({"value": scale, "uncertainty": uncertainty * scale}), scale, scale)
    assert (found.status, steps(found)) == ("ok", tried)


def test_slope_that_differs_is_not_good_enough():
    line = MadeUpLine({"uncertainty": 1e-13}, {1e-3: {"value": 1 + 1e-12}})
    found = judged(line)
    assert (found.status, steps(found)) == ("ok", FINE[:2])


@pytest.mark.parametrize(
    ("uncertainty", "status", "tried"),
    [(0.0033, "ok", FINE), (0.0034, "unresolved", FINE + FINER)],
)
def test_a_slope_uncertain_by_a_hundredth_says_nothing(uncertainty, status, tried):
    """Three sigma count, so that the limit is a third of a hundredth."""
    found = judged(MadeUpLine({"uncertainty": uncertainty}))
    assert (found.status, steps(found), found.accuracy) == (status, tried, uncertainty)


@pytest.mark.parametrize(("precision", "tried"), [(9.9e-10, FINE + FINER), (1e-9, COARSE)])
def test_steps_suit_the_precision(precision, tried):
    line = MadeUpLine(USELESS, precision=precision)
    assert steps(judged(line)) == tried == line.asked


def test_finer_steps_are_tried_only_where_the_fine_ones_leave_it_open():
    fine = {step: USELESS for step in FINE}
    found = judged(MadeUpLine({"uncertainty": 1e-11}, fine))
    assert (found.status, steps(found)) == ("ok", [*FINE, 1e-7])
    kinked = judged(MadeUpLine({"kinked": True}))
    assert (kinked.status, steps(kinked)) == ("kink", FINE)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("sigmas", "status"), [(2.9, "ok"), (3.1, "wrong")])
def test_claim_beyond_three_sigma_is_wrong(sigmas, status, side):
    found = judged(MadeUpLine({"value": 1 + side * sigmas * 1e-6}))
    assert found.status == status
    assert found.discrepancy == close(sigmas * 1e-6 / found.scale)
    assert steps(found) == (FINE if status == "ok" else FINE[:2])


@pytest.mark.parametrize(("units", "status"), [(10, "ok"), (12, "wrong")])
def test_ten_units_in_the_last_place_are_no_error(units, status):
    line = MadeUpLine({"value": 1 + units * EPS, "uncertainty": 0.0, "rounding": EPS})
    assert judged(line).status == status


@pytest.mark.parametrize(
    ("special", "status"),
    [
        ({1e-3: {"kinked": True}}, "wrong"),
        ({1e-3: {"kinked": True}, 1e-4: {"kinked": True}}, "wrong"),
        ({step: {"kinked": True} for step in FINE[:3]}, "kink"),  # one alone accuses nobody
        ({step: USELESS for step in FINE[1:] + FINER}, "unresolved"),
        ({step: {"kinked": True} for step in FINE}, "kink"),
        ({step: {"kinked": True} for step in FINE[:3]} | {1e-6: {"value": 1.0}}, "ok"),
    ],
)
def test_two_slopes_without_a_kink_are_needed_to_accuse(special, status):
    assert judged(MadeUpLine({"value": 2.0}, special)).status == status


@pytest.mark.parametrize(
    ("usual", "special", "status"),
    [
        ({"uncertainty": 0.099}, {}, "wrong"),  # a twentieth of its own size
        ({"uncertainty": 0.101}, {}, "unresolved"),
        ({"value": 0.0, "uncertainty": 2.9e-3, "rounding": 1e-4}, {}, "wrong"),  # or down to noise
        ({"value": 0.0, "uncertainty": 3.1e-3, "rounding": 1e-4}, {}, "unresolved"),
        ({}, {1e-4: {"uncertainty": 2.9e-6}}, "wrong"),  # not three times worse at the finer step
        ({}, {1e-4: {"uncertainty": 3.1e-6}}, "unresolved"),
        ({}, {1e-4: {"uncertainty": 22e-6, "rounding": 1e-6}}, "wrong"),  # but for rounding
        ({}, {1e-4: {"uncertainty": 24e-6, "rounding": 1e-6}}, "unresolved"),
        ({}, {1e-4: {"value": 2.0 + 5.9e-6}}, "wrong"),  # the same but for three sigma of both
        ({}, {1e-4: {"value": 2.0 + 6.1e-6}}, "unresolved"),
    ],
)
def test_the_two_are_sharp_alike_and_not_getting_worse(usual, special, status):
    """The claim is 100, so that all are resolved beside it; the noise puts the last word at a step of its own."""
    later = {step: USELESS for step in FINE[2:] + FINER if special}
    line = MadeUpLine({"value": 2.0} | usual, later | special, noise=1.6e-5)
    assert judged(line, 100.0, 100.0).status == status


@pytest.mark.parametrize(
    ("claimed", "given", "size", "slope", "scale"),
    [
        (0.5, 2.0, 1.0, 0.5, 2.0),
        (-5.0, 2.0, 1.0, -5.0, 5.0),
        (0.0, 0.0, 3e9, 0.0, 3.0),
        (0.0, 0.0, 0.0, 0.0, 1e-300),
        (float("nan"), 2.0, 1e6, 0.25, 0.25),
        (float("inf"), float("inf"), 1e9, 0.25, 1.0),
    ],
)
def test_scale_is_the_largest_of_claim_slopes_and_a_billionth_of_the_size(
    claimed, given, size, slope, scale
):
    line = MadeUpLine({"value": slope, "uncertainty": 0.0}, size=size)
    assert judged(line, claimed, given).scale == scale


@pytest.mark.parametrize(
    ("claimed", "noise", "rounding", "step"),
    [
        (3.0, 1e-9, 0.0, 30 * 4e-9 / 2),
        (3.0, 0.0, 1e7, 30 * 4e7 * EPS / 2),
        (3.0, 1e-12, 0.0, 1e-9),
        (1.1, 1.0, 0.0, 1e-3),
    ],
)
def test_last_word_has_the_least_step_at_which_rounding_leaves_them_apart(
    claimed, noise, rounding, step
):
    line = MadeUpLine({"value": 1.0}, noise=noise)
    assert judged(line, claimed, 1.0, rounding).status == "wrong"
    assert line.asked[:2] == FINE[:2]
    assert line.asked[2] == close(step)


@pytest.mark.parametrize(
    ("finest", "status"),
    [
        ({"value": 3.0}, "unresolved"),
        ({"value": 3.0, "kinked": True}, "wrong"),
        ({"value": 1.0}, "wrong"),
        ({"value": 1.0 + 5.9e-6}, "wrong"),
        ({"value": 1.0 + 6.1e-6}, "unresolved"),
        ({"value": 1.0, "uncertainty": 0.7}, "unresolved"),
        ({"value": 1.0, "uncertainty": 0.6}, "wrong"),
    ],
)
def test_last_word_must_object_as_the_others_do_unless_it_is_a_kink(finest, status):
    assert judged(MadeUpLine({"value": 1.0}, {1e-9: finest}), 3.0).status == status


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("fine", "following", "off", "deviation", "rough"),
    [
        (1.112, 3, 0.0, 0.0, True),
        (1.110, 3, 0.0, 0.0, False),  # not far away
        (1.5, 2, 0.0, 0.0, False),  # too few wide steps follow the claim
        (1.5, 5, 0.0, 0.0, True),
        (1.5, 3, 0.029, 0.0, True),
        (1.5, 3, 0.031, 0.0, False),  # not close to it
        (1.5, 3, 0.0, 0.99e-5, True),
        (1.5, 3, 0.0, 1.01e-5, False),  # no tiny deviation
    ],
)
def test_rough_is_far_away_at_small_steps_and_close_at_most_wide_ones(
    fine, following, off, deviation, rough, side
):
    """All is relative to the scale, which is the larger slope ``fine``; what is tiny, to that of the claim."""
    wide = {step: {"value": 1.0 + off} for step in WIDE[:following]}
    special = {step: {"value": fine} for step in WIDE} | wide
    line = MadeUpLine({"value": fine}, special, deviation=side * deviation)
    if following == len(WIDE):  # then the first step of the fine ones speaks for the claim
        line.slopes[1e-3] |= {"uncertainty": 1e-3}
    found = judged(line)
    assert (found.status, found.rough) == (("unresolved", True) if rough else ("wrong", False))
    assert (line.asked[-len(WIDE) :] == WIDE) is (fine > 1.11)


def test_tiny_is_relative_to_the_size_of_forward_where_that_is_larger():
    special = {step: {"value": 1.0} for step in WIDE[:3]}
    for deviation, rough in ((0.99e-3, True), (1.01e-3, False)):
        line = MadeUpLine({"value": 1.5}, special, size=100.0, deviation=deviation)
        assert judged(line).rough is rough


def test_steps_that_forward_refuses_are_left_out():
    line = MadeUpLine({"uncertainty": 1e-11}, dict.fromkeys(FINE[:2]))
    assert (judged(line).status, steps(judged(line))) == ("ok", FINE[2:3])
    line = MadeUpLine({}, dict.fromkeys(FINE + FINER))
    with pytest.raises(NotApplicable, match="forward refuses every point beside the given one"):
        judged(line)


@pytest.mark.parametrize("refused", [[1e-9], WIDE[:1]], ids=["the last word", "a wide step"])
def test_wrong_stands_where_forward_refuses_to_be_asked_again(refused):
    special = {step: {"value": 1.0} for step in WIDE[:3]}
    assert judged(MadeUpLine({"value": 1.5}, special)).rough
    found = judged(MadeUpLine({"value": 1.5}, special | dict.fromkeys(refused)))
    assert (found.status, found.rough, steps(found)) == ("wrong", False, FINE[:2])


def test_best_is_the_surest_without_a_kink():
    slopes = [
        Slope(1, 5.0, 3e-3, 0, False),
        Slope(2, 6.0, 1e-3, 0, False),
        Slope(3, 7.0, 0, 0, True),
    ]
    judgement = Judgement("ok", 6.5, tuple(slopes), 4.0)
    assert judgement.best.step == 2
    assert (judgement.discrepancy, judgement.accuracy) == (0.125, 0.125)
    assert Judgement("ok", 6.0, tuple(slopes), 4.0).accuracy == 2.5e-4
    assert Judgement("ok", 7.0, (slopes[2],), 4.0).accuracy == EPS
    assert Judgement("kink", 7.0, (slopes[2], slopes[0]), 4.0).best.step == 1
