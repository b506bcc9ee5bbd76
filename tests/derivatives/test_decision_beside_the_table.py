"""The decision where the table of verdicts is silent: on whose side slopes are, ones for cotangents, points beside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from along_lines import close
from fake_oracle import KINK, LARGE, POINT, Acquitting, FakeOracle, FakeReference, Told, trials_of

from pytest_autograd.derivatives.finite_differences import EPS
from pytest_autograd.derivatives.first_order import FirstOrderTest
from pytest_autograd.derivatives.trials import Trials
from pytest_autograd.errors import NotApplicable

LITTLE, SOME = 2.0**-30, 2.0**-7


@pytest.mark.parametrize(
    ("word", "decided"),
    [
        (("unresolved", False, False), True),
        (("unresolved", True, False), False),
        (("unresolved", False, True), False),
        (("kink", False, False), False),
    ],
)
def test_slopes_take_the_references_side_unless_rough_or_kinked(word, decided):
    trials = trials_of(FakeOracle(SOME), FakeReference(), kind=Told)
    trials.word = word
    found = FirstOrderTest(trials).verify()
    assert [a.status for a in found.arguments] == (
        ["wrong", "ok"] if decided else ["unresolved", "unresolved"]
    )
    assert (found.confirmed, found.by, found.notes) == (False, "judge", [])
    assert (found.reason is None) is decided
    assert decided or found.reason.endswith(", and the reference gradient of x differs")


@pytest.mark.parametrize(("rtol", "status"), [(1e-8, "inexact"), (1e-11, "wrong")])
def test_error_too_small_for_differences_by_element_is_as_large_as_the_judge_saw(rtol, status):
    trials = trials_of(FakeOracle(LITTLE), FakeReference(none="a kernel"), rtol=rtol)
    found = FirstOrderTest(trials).verify()
    of_x, of_y = found.arguments
    seen = trials.judge_trial(found.trials[0], [0])
    assert (of_x.status, of_y.status, seen.status) == (status, "ok", "wrong")
    assert 1e-11 < of_x.error == seen.discrepancy < 2 * LITTLE
    assert (of_x.tolerance, found.reason) == (1e-6, None)
    told = (True, of_x.error) if status == "inexact" else (False, None)
    assert (found.confirmed, found.accuracy) == told


def test_sum_that_is_wrong_accuses_nobody_who_is_right_alone():
    trials = trials_of(FakeOracle(SOME), FakeReference(none="a kernel"), kind=Acquitting)
    found = FirstOrderTest(trials).verify()
    assert [a.status for a in found.arguments] == ["ok", "ok"]
    assert (found.confirmed, found.accuracy, found.notes) == (False, None, [])
    assert found.reason == (
        "backward disagrees with forward in sum but no single argument could be blamed, "
        "and there is no reference gradient: a kernel"
    )


def test_error_of_a_gradient_that_hardly_matters_beside_the_outputs_is_unresolved():
    trials = trials_of(FakeOracle(1e-6, LARGE), FakeReference())
    found = FirstOrderTest(trials).verify()
    assert [a.status for a in found.arguments] == ["unresolved", "ok"]
    assert [j.status for j in found.judgements] == ["ok", "ok"]
    assert (found.confirmed, found.by, found.notes) == (False, "judge", [])
    assert found.accuracy == found.arguments[0].error == close(1.04e-8, rel=0.01)


def test_contract_does_not_confirm_what_is_unresolved():
    trials = trials_of(FakeOracle(1e-5, LARGE), FakeReference(none="not to be asked"))
    found = FirstOrderTest(trials).against_truth(FakeOracle().right, "surrogate", 1e-9)
    assert [a.status for a in found.arguments] == ["unresolved", "ok"]
    assert not found.confirmed


def test_what_is_unresolved_has_a_reason():
    found = FirstOrderTest(trials_of(FakeOracle(1e-6, LARGE), FakeReference())).verify()
    assert found.reason == (
        "the influence of x on the outputs is below what can be resolved: "
        "give larger values there, or smaller ones elsewhere"
    )


def is_ones(trial):
    return bool((trial.cotangents[0] == 1).all())


def test_error_by_cotangents_of_ones_only_is_wrong():
    class ByOnes(FakeOracle):
        def vjp(self, point, cotangents):
            by_x, by_y = super().vjp(point, cotangents)
            return [by_x * (1 + SOME) if bool((cotangents[0] == 1).all()) else by_x, by_y]

    found = FirstOrderTest(trials_of(ByOnes(), FakeReference())).verify()
    of_x, of_y = found.arguments
    assert (of_x.status, of_x.error, of_y.status) == ("wrong", close(SOME), "ok")
    assert found.confirmed is False


@pytest.mark.parametrize("word", ["unresolved", "kink"])
def test_cotangents_of_ones_only_object(word):
    class Cancelling(Trials):
        def judge_trial(self, trial, slots):
            judged = super().judge_trial(trial, slots)
            return replace(judged, status=word) if is_ones(trial) else judged

    found = FirstOrderTest(trials_of(FakeOracle(), FakeReference(), kind=Cancelling)).verify()
    assert (found.confirmed, found.kinked, found.reason) == (True, False, None)
    assert [is_ones(trial) for trial in found.trials] == [False, False, True, False, False]
    assert [judgement.status for judgement in found.judgements] == ["ok", "ok"]


def test_point_beside_a_kink_that_forward_refuses_is_passed_over():
    class Bounded(Trials):
        asked = 0

        def draw(self, point, *args, **options):
            self.asked += 1
            if self.asked == 2:
                raise NotApplicable("outside of the domain")
            return super().draw(point, *args, **options)

    oracle = FakeOracle(extra=KINK)
    trials = trials_of(oracle, FakeReference(), kind=Bounded)
    found = FirstOrderTest(trials).verify()
    assert (found.confirmed, found.notes, found.kinked) == (
        True,
        ["judged beside the sample, which lies on a kink"],
        True,
    )
    doubted, sure = 2 * len(found.trials) - 1, len(found.trials)
    assert (trials.asked, oracle.asked) == (3, doubted + sure)


def test_point_beside_a_kink_is_a_hundredth_of_its_scale_away():
    found = FirstOrderTest(trials_of(FakeOracle(extra=KINK), FakeReference())).verify()
    for x, moved in zip(POINT, found.trials[0].point, strict=True):
        scale = x.abs().clamp(min=x.square().mean().sqrt().clamp(1e-2, 1.0).item())
        share = (moved - x).abs() / scale
        assert 0.005 <= share.min() <= share.max() <= 0.015
    assert found.precision == EPS
