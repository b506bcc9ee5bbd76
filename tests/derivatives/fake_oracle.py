"""An oracle and a reference gradient without any Function behind them, each off by as much as a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from along_lines import vector
from torch import Tensor

from pytest_autograd.derivatives.autograd_reference import ReferenceGradients
from pytest_autograd.derivatives.directional_test import Judgement
from pytest_autograd.derivatives.finite_differences import EPS, Slope
from pytest_autograd.derivatives.tangents import inner
from pytest_autograd.derivatives.trials import Trials
from pytest_autograd.errors import NotApplicable

POINT = (vector(0.3, -0.7, 1.1), vector(0.5, 1.5, -0.8))


@dataclass(frozen=True)
class Extra:
    """What forward has besides ``sin(x) * y``: its value and the slope that is said of it, functions of x."""

    value: Callable[[Tensor], Tensor | float]
    slope: Callable[[Tensor], Tensor | float]


NOTHING = Extra(lambda x: 0.0, lambda x: 0.0)
KINK = Extra(lambda x: 0.3 * (x - POINT[0]).abs(), lambda x: 0.3 * (x - POINT[0]).sign())
LARGE = Extra(lambda x: 1e6, lambda x: 0.0)
RIPPLE = Extra(lambda x: 10 + 5e-5 * torch.sin(1e4 * (x - POINT[0])), lambda x: 0.0)


@dataclass
class FakeOracle:
    """Answers for ``sin(x) * y``; its gradient by x is ``off`` by a part of the right one, at None it is missing."""

    off: float | None = 0.0
    extra: Extra = NOTHING
    point: list[Tensor] = field(default_factory=lambda: list(POINT))
    asked: int = 0

    seed = 0
    names = ("x", "y")
    output_names = ("out",)

    def forward(self, point):
        x, y = point
        return [x.sin() * y + self.extra.value(x)]

    def right(self, point, cotangents):
        (x, y), (v,) = point, cotangents
        return [v * (x.cos() * y + self.extra.slope(x)), v * x.sin()]

    def vjp(self, point, cotangents):
        self.asked += 1
        by_x, by_y = self.right(point, cotangents)
        return [None if self.off is None else by_x * (1 + self.off), by_y]

    def vjps(self, point, several):
        return [self.vjp(point, cotangents) for cotangents in several]

    def double_vjp(self, point, cotangents, weights):
        raise AssertionError("the first order has no use for it")


@dataclass
class FakeReference:
    """Answers with the right gradients, that by x ``off`` by a part of it; ``none`` says why there is no answer."""

    off: float | None = 0.0
    breaks: tuple[str, ...] = ()
    none: str | None = None
    oracle: FakeOracle = field(default_factory=FakeOracle)
    asked: int = 0

    def __call__(self, point, cotangents):
        self.asked += 1
        if self.none is not None:
            raise NotApplicable(self.none)
        by_x, by_y = self.oracle.right(point, cotangents)
        off = None if self.off is None else by_x * (1 + self.off)
        return ReferenceGradients([off, by_y], self.breaks)


class Stuck(Trials):
    """Finds at each other point what it found at the given one."""

    def nearby(self):
        return list(self.evaluator.point)


class Told(Trials):
    """Hears from the judge what a test says, and of each slope that it is the right one."""

    def judge_trial(self, trial, slots):
        status, rough, kinked = self.word
        along = inner(self.evaluator.right(trial.point, trial.cotangents), trial.along)
        slope = Slope(1e-3, along, 1e-3, 0.0, kinked)
        return Judgement(status, 1.0, (slope,), 1.0, rough)


class Undecided(Trials):
    """Cannot tell of one argument alone."""

    alone = "unresolved"

    def judge_trial(self, trial, slots):
        found = super().judge_trial(trial, slots)
        return found if len(slots) > 1 else replace(found, status=self.alone)


class Acquitting(Undecided):
    """Finds each argument right when it is alone."""

    alone = "ok"


def trials_of(oracle, reference, *, rtol=1e-6, precision=EPS, kind=Trials, coarsest=None):
    """Return the trials of a fake oracle, heard beside a fake reference that knows the same function."""
    reference.oracle = oracle
    return kind(oracle, reference, 0, rtol, precision, coarsest)
