"""Full is never milder than quick, however little time there is; what was left out is said."""

from __future__ import annotations

import time

import pytest
from catalogue._mode import Mode, vector
from loading import crashes
from test_catalogue import MODES
from torch.autograd import Function

from pytest_autograd import check

TOLD_AT_QUICK = {
    name: mode
    for name, mode in MODES.items()
    if mode.codes
    and mode.options.get("level", "quick") == "quick"
    and name != "state:keeps_on_a_stack"  # what one check leaves there, another one pops
}


class Squared(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


@pytest.mark.parametrize("mode", TOLD_AT_QUICK.values(), ids=TOLD_AT_QUICK)
def test_full_in_a_hurry_tells_what_quick_tells(mode: Mode) -> None:
    options = {**mode.options, "level": "full", "time_limit": 2.0}
    report = check(mode.target, *mode.inputs(), **options)
    assert not crashes(report)
    assert report.codes >= mode.codes, str(report)
    assert (report.verdict == "failed") >= (mode.error is not None), str(report)


@pytest.mark.parametrize("level", ["quick", "full"])
def test_second_order_not_asked_for_is_said(level: str) -> None:
    report = check(Squared, *vector(), level=level, gradgrad=False)
    assert (report.verdict, report.codes) == ("verified", set())
    assert "second order not checked: gradgrad=False" in report.summary


class Slow(Squared):
    @staticmethod
    def forward(ctx, x):
        time.sleep(0.01)
        return Squared.forward(ctx, x)


def test_what_time_did_not_allow_is_counted() -> None:
    report = check(Slow, *vector(), level="full", time_limit=1.5)
    late = [each for each in report.left_out if "time limit" in each.why]
    assert late, str(report)
    assert f"{len(late)} checks were left out: the time limit is used up" in report.summary
