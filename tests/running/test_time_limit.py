"""The time limit ends what does not come back, wherever the author's code stands."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
import torch
from torch.autograd import Function

from pytest_autograd import check
from pytest_autograd.running.time_limit import Overdue, TimeLimit


def test_code_that_does_not_come_back_is_interrupted_even_if_it_swallows_that_once() -> None:
    patience = TimeLimit()
    limit = time.monotonic() + 20

    def loop_for_long() -> None:
        while time.monotonic() < limit:
            pass

    def swallow_once() -> None:
        with suppress(Overdue):
            loop_for_long()
        loop_for_long()

    patience.begin(0.01)
    with pytest.raises(Overdue):
        swallow_once()
    assert patience.end(Overdue())


def test_code_that_comes_back_in_time_is_left_alone() -> None:
    patience = TimeLimit()
    patience.begin(60)
    assert not patience.end(None)


def spin() -> None:
    limit = time.monotonic() + 25
    while time.monotonic() < limit:
        pass


class SpinsAlways(Function):
    @staticmethod
    def forward(ctx, x):
        spin()
        return 2 * x

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output


class SpinsInTheOpenRun(SpinsAlways):
    """Comes back at once where apply calls it, and not where it is run without autograd's ctx."""

    @staticmethod
    def forward(ctx, x):
        if not isinstance(ctx, torch.autograd.function.FunctionCtx):
            spin()
        return 2 * x


class SpinsInBackward(SpinsAlways):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad_output):
        spin()
        return 2 * grad_output


@pytest.mark.parametrize("function", [SpinsAlways, SpinsInTheOpenRun, SpinsInBackward])
@pytest.mark.parametrize("kind", ["function", "callable"])
def test_a_check_ends_soon_after_its_time_limit(function: type[Function], kind: str) -> None:
    target = function if kind == "function" else lambda x: function.apply(x).sin()
    start = time.monotonic()
    report = check(target, torch.ones(3, dtype=torch.float64), time_limit=4)
    assert time.monotonic() - start < 6
    judged = (function, kind) == (SpinsInTheOpenRun, "function")  # a callable's own turn comes last
    assert report.verdict == ("verified" if judged else "inconclusive")
