"""What a trial hears at one point: how precise forward is, how far the reference may be off, what a contract says."""

from __future__ import annotations

import pytest
import torch
from along_lines import close
from fake_oracle import POINT, FakeOracle, FakeReference, trials_of

from pytest_autograd.derivatives import trials as trials_module
from pytest_autograd.derivatives.autograd_reference import ReferenceGradients
from pytest_autograd.derivatives.directional_test import Judgement, judge
from pytest_autograd.derivatives.finite_differences import EPS, Slope
from pytest_autograd.derivatives.first_order import FirstOrderTest
from pytest_autograd.derivatives.tangents import inner, size

ALL = (0, 1)


def drawn(oracle=None, **settings):
    trials = trials_of(oracle or FakeOracle(), FakeReference(), **settings)
    return trials, trials.draw(POINT)[0]


def test_draw_asks_forward_once_and_backward_for_each_trial():
    oracle = FakeOracle()
    trials = trials_of(oracle, FakeReference())
    one, other = trials.draw(POINT, 2)
    assert oracle.asked == 2
    assert one.path is other.path
    assert torch.equal(one.path.at(0.0), one.outputs[0])
    assert not torch.equal(one.cotangents[0], other.cotangents[0])
    assert all(0.5 <= v.abs().min() <= v.abs().max() <= 1.5 for v in one.cotangents)
    assert torch.equal(one.got[1], one.cotangents[0] * POINT[0].sin())
    drawn = trials_of(oracle, FakeReference()).draw(POINT, 1, constant=True)
    again, ones, minus_ones, halves = drawn
    assert torch.equal(ones.cotangents[0], torch.ones_like(ones.outputs[0]))
    assert torch.equal(minus_ones.cotangents[0], -ones.cotangents[0])
    assert not halves.cotangents[0][::2].any()
    assert torch.equal(halves.cotangents[0][1::2], again.cotangents[0][1::2])
    assert all(trial.along is again.along for trial in drawn)
    assert all(torch.equal(a, b) for a, b in zip(one.along, again.along, strict=True))


@pytest.mark.parametrize(("slots", "status"), [(ALL, "wrong"), ((0,), "wrong"), ((1,), "ok")])
def test_trial_is_judged_by_the_slots_that_move(monkeypatch, slots, status):
    heard = []

    def hearing(line, *numbers):
        heard.append(numbers)
        return judge(line, *numbers)

    monkeypatch.setattr(trials_module, "judge", hearing)
    trials, trial = drawn(FakeOracle(off=0.01))
    found = trials.judge_trial(trial, slots)
    assert found.status == status
    got, along, at = (
        [tensors[i] for i in slots] for tensors in (trial.got, trial.along, trial.point)
    )
    expected = close((inner(got, along), size(got, along), size(got, at)), rel=1e-13)
    assert [numbers == expected for numbers in heard] == [True] * (1 + trials.measured)
    right = oracle_slope(trial, slots)
    assert found.best.value == close(right, rel=1e-10)


def oracle_slope(trial, slots):
    """What the slope is when only some slots move."""
    gradients = FakeOracle().right(trial.point, trial.cotangents)
    return sum(inner([gradients[i]], [trial.along[i]]) for i in slots)


@pytest.mark.parametrize(
    ("status", "uncertainty", "measured"),
    [("ok", 2e-9, False), ("ok", 2.2e-9, True), ("wrong", 0.0, True), ("unresolved", 0.0, True)],
)
def test_precision_is_measured_once_and_only_where_the_first_word_is_not_sharp(
    monkeypatch, status, uncertainty, measured
):
    """Sharp is a billionth, here of two."""
    word = Judgement(status, 1.0, (Slope(1e-3, 1.0, uncertainty, 0.0, False),), 2.0)
    precisions, coarsest = [], []

    def judge(line, claimed, scale, rounding):
        precisions.append(line.precision)
        return word

    monkeypatch.setattr(trials_module, "judge", judge)
    trials, trial = drawn(coarsest=lambda: coarsest.append(1) or 1e-7)
    assert trials.judge_trial(trial, ALL) is word
    assert trials.measured is measured
    assert precisions == ([EPS, 1e-7] if measured else [EPS])
    assert trials.judge_trial(trial, ALL) is word
    assert precisions == ([EPS, 1e-7, 1e-7] if measured else [EPS, EPS])
    assert len(coarsest) == measured


@pytest.mark.parametrize(
    ("known", "coarsest", "noise", "least", "most"),
    [
        (EPS, None, 0.0, EPS, EPS),
        (EPS, 1e-7, 0.0, 1e-7, 1e-7),
        (1e-6, 1e-7, 0.0, 1e-6, 1e-6),
        (EPS, 1e-7, 1e-5, 2e-6, 2e-5),
        (EPS, 1e-4, 1e-5, 1e-4, 1e-4),
    ],
)
def test_precision_is_the_coarsest_of_what_is_known_told_and_measured(
    known, coarsest, noise, least, most
):
    class Noisy(FakeOracle):
        def forward(self, point):
            (clean,) = super().forward(point)
            return [clean * (1 + noise * torch.sin(1e12 * point[0]))]

    told = None if coarsest is None else lambda: coarsest
    trials, trial = drawn(Noisy(off=1.0), precision=known, coarsest=told)
    trials.judge_trial(trial, ALL)
    assert least <= trials.precision <= most
    assert trials.measured


@pytest.mark.parametrize(
    ("precision", "tolerance"), [(EPS, 1e-11), (1e-13, 1e-11), (1e-12, 5e-11), (1e-3, 0.05)]
)
def test_reference_tolerance_suits_the_precision(precision, tolerance):
    trials = trials_of(FakeOracle(), FakeReference(), precision=precision)
    assert trials.reference_tolerance == close(tolerance)


class Moving(FakeReference):
    """A reference whose gradient by x changes by a part of it wherever else it is asked."""

    change = 2.0**-20

    def __call__(self, point, cotangents):
        self.points = [*getattr(self, "points", []), point]
        found = super().__call__(point, cotangents)
        part = 0.0 if torch.equal(point[0], POINT[0]) else self.change
        by_x, by_y = self.oracle.right(POINT, cotangents)
        return ReferenceGradients([by_x * (1 + (self.off or 0.0) + part), by_y], found.breaks)


def test_reference_rounding_is_ten_times_its_change_by_one_unit_in_the_last_place():
    reference = Moving()
    trials = trials_of(FakeOracle(), reference)
    trial = trials.draw(POINT)[0]
    gradients = reference(POINT, trial.cotangents).gradients
    assert trials.reference_rounding(trial, gradients) == close(10 * 2.0**-20)
    for x, u, moved in zip(POINT, trial.along, reference.points[-1], strict=True):
        assert torch.equal(moved, x * (1 + 2 * EPS * torch.sgn(u)))
        assert not torch.equal(moved, x)
    assert trials.reference_rounding(trial, [None, gradients[1]]) == 0.0


@pytest.mark.parametrize(("change", "status"), [(1.1e-10, "ok"), (0.9e-10, "inexact")])
def test_what_the_reference_is_uncertain_by_is_no_error(change, status):
    reference = Moving(off=1e-9)
    reference.change = change
    found = FirstOrderTest(trials_of(FakeOracle(), reference)).verify()
    assert [a.status for a in found.arguments] == [status, "ok"]
    assert found.arguments[0].tolerance == close(10 * change, rel=1e-5)
    assert found.confirmed


@pytest.mark.parametrize(("part", "more"), [(0.95, False), (1.05, True)])
@pytest.mark.parametrize("precision", [EPS, 1e-7])
def test_off_by_little_ends_at_ten_uncertainties_and_a_hundred_millionth(precision, part, more):
    settings = {"precision": precision, "rtol": 1.0}
    base = FirstOrderTest(trials_of(FakeOracle(), FakeReference(), **settings)).verify()
    trial, judgement = base.trials[0], base.judgements[0]
    limit = 10 * judgement.best.uncertainty + 1e-8 * judgement.scale
    off = part * limit / inner([trial.got[0]], [trial.along[0]])
    found = FirstOrderTest(trials_of(FakeOracle(), FakeReference(off), **settings)).verify()
    notes = ["the reference gradient disagrees through a tie; the judge confirms"] if more else []
    assert (found.confirmed, found.notes) == (True, notes)
    assert found.arguments[0].status == ("ok" if more else "inexact")


def against(truth, off=0.0, tolerance=1e-9):
    trials = trials_of(FakeOracle(off), FakeReference(none="not to be asked"), rtol=1e-6)
    return FirstOrderTest(trials).against_truth(truth, "surrogate", tolerance)


@pytest.mark.parametrize(
    ("off", "status", "confirmed", "error"),
    [
        (0.0, "ok", True, EPS),
        (2.0**-31, "ok", True, 2.0**-31),
        (2.0**-29, "inexact", True, 2.0**-29),
        (2.0**-7, "wrong", False, 2.0**-7),
        (None, "missing", False, 1.0),
    ],
)
def test_contract_is_compared_at_the_point_and_beside_it(off, status, confirmed, error):
    points = []

    def truth(point, cotangents):
        points.append(point[0])
        return FakeOracle().right(point, cotangents)

    found = against(truth, off)
    assert [(a.name, a.status) for a in found.arguments] == [("x", status), ("y", "ok")]
    assert (found.confirmed, found.by, found.reason, found.notes) == (
        confirmed,
        "surrogate",
        None,
        [],
    )
    assert found.accuracy == close(error, rel=1e-6)
    assert len(points) == len(found.trials) == 5
    assert torch.equal(points[0], POINT[0])
    assert all(torch.equal(at, POINT[0]) for at in points[1:4])
    assert 0 < (points[4] - POINT[0]).abs().max() < 0.02
    assert found.trials[1].cotangents[0].tolist() == [1.0, 1.0, 1.0]


def test_contract_that_fails_beside_the_point_only_is_told():
    def truth(point, cotangents):
        by_x, by_y = FakeOracle().right(point, cotangents)
        return [by_x, by_y if torch.equal(point[0], POINT[0]) else 2 * by_y]

    found = against(truth)
    assert [a.status for a in found.arguments] == ["ok", "wrong"]
    assert (found.confirmed, found.accuracy) == (False, close(0.5))


def test_numeric_gradient_takes_the_place_of_a_reference_that_the_slopes_deny():
    for off, tolerance in ((0.0, 1e-11), (0.1, 1e-6)):
        reference = FakeReference(off)
        trials = trials_of(FakeOracle(off=0.5), reference)
        trial = trials.draw(POINT)[0]
        judgement = trials.judge_trial(trial, [0])
        gradient, allowed = trials.expected(trial, 0, judgement)
        right = FakeOracle().right(POINT, trial.cotangents)[0]
        assert allowed == tolerance
        assert float((gradient - right).abs().max()) <= (0.0 if off == 0.0 else 1e-9)
