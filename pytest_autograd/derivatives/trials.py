"""What the decision hears: trials drawn at a point, the judge's word on them, comparisons with known gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pytest_autograd.derivatives.autograd_reference import AskReference
from pytest_autograd.derivatives.compare import MaybeTensors, relative_error
from pytest_autograd.derivatives.directional_test import Judgement, judge
from pytest_autograd.derivatives.finite_differences import (
    EPS,
    FunctionAlongLine,
    Samples,
    numeric_gradient,
    numeric_tolerance,
)
from pytest_autograd.derivatives.oracle import GradientOracle
from pytest_autograd.derivatives.precision import input_precision, measured_precision
from pytest_autograd.derivatives.tangents import (
    JITTER,
    beside,
    direction,
    inner,
    signed_bounded,
    size,
)
from pytest_autograd.derivatives.verdicts import ArgumentVerdict, Trial, compare_one
from pytest_autograd.errors import NotApplicable

FEW_OUTPUTS, LINES = 2, 3  # so few numbers are measured along so many lines more
SHARP = 1e-9  # relative uncertainty of a slope that no float32 inside forward allows
REFERENCE_RTOL = (
    1e-11  # more is allowed where one unit in the last place of the inputs changes more
)


class Trials:
    """Draws, judges and compares at points of one evaluator; ``precision`` is the rounding of forward so far known."""

    def __init__(
        self,
        evaluator: GradientOracle,
        ask_reference: AskReference,
        seed: int,
        rtol: float,
        precision: float = EPS,
        coarsest: Callable[[], float] | None = None,
    ) -> None:
        self.evaluator, self.ask_reference, self.rtol = evaluator, ask_reference, rtol
        self.precision = precision
        self.coarsest = coarsest
        self.measured = False
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, point: Sequence[Tensor], count: int = 1, constant: bool = False) -> list[Trial]:
        """Draw a direction and ``count`` cotangents at ``point``, and ask backward for the VJPs.

        ``constant``: three trials more have ones, minus ones, and zeros in half of the rows for cotangents, as sums,
        their negatives and masked losses give them.
        """
        outputs = self.evaluator.forward(point)
        self.precision = max(self.precision, input_precision(outputs))
        along = direction(point, self.generator)
        path = Samples(self.evaluator.forward, point, along, outputs, outputs)
        drawn = [signed_bounded(outputs, self.generator) for _ in range(count)]
        plain = _plain_cotangents(outputs, drawn[0]) if constant else []
        several = [*drawn, *plain]
        answers = self.evaluator.vjps(point, several)
        return [
            Trial(list(point), cotangents, along, got, outputs, path)
            for cotangents, got in zip(several, answers, strict=True)
        ]

    def on_own_graphs(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return the trials with answers of which none came from a graph that served before."""
        first, *others = trials  # the first has a graph of its own
        ask = self.evaluator.vjp
        return [first, *(replace(t, got=ask(t.point, t.cotangents)) for t in others)]

    def nearby(self) -> list[Tensor]:
        """Return a point a little beside the given one."""
        return beside(self.evaluator.point, JITTER, self.generator)

    def judge_trial(self, trial: Trial, slots: Sequence[int]) -> Judgement:
        """Judge the derivative along the trial's direction, restricted to ``slots``."""
        along, path = trial.along, trial.path
        if len(slots) < len(along):
            along = [u if i in slots else torch.zeros_like(u) for i, u in enumerate(along)]
            path = Samples(self.evaluator.forward, trial.point, along, trial.outputs, trial.outputs)
        moving = [g if i in slots else None for i, g in enumerate(trial.got)]
        claimed, scale = inner(moving, along), size(moving, along)
        rounding = size(moving, trial.point)
        line = FunctionAlongLine(path, trial.cotangents, self.precision)
        verdict = judge(line, claimed, scale, rounding)
        sharp = verdict.status == "ok" and verdict.best.uncertainty <= SHARP * verdict.scale
        if sharp or self.measured:
            return verdict
        # rounding matters only now: taken too small, it makes the judge stricter, never more lenient
        coarsest = self.coarsest() if self.coarsest is not None else EPS
        measured = (measured_precision(each) for each in (line, *self._other_lines(trial)))
        self.precision = max(self.precision, coarsest, *measured)
        self.measured = True
        return judge(
            FunctionAlongLine(path, trial.cotangents, self.precision), claimed, scale, rounding
        )

    def _other_lines(self, trial: Trial) -> Iterator[FunctionAlongLine]:
        """Yield other lines through the point: one number rounds as it pleases, many do not."""
        if sum(y.numel() for y in trial.outputs) > FEW_OUTPUTS:
            return
        for _ in range(LINES):
            along = direction(trial.point, self.generator)
            path = Samples(self.evaluator.forward, trial.point, along, trial.outputs, trial.outputs)
            yield FunctionAlongLine(path, trial.cotangents, self.precision)

    def compare(
        self, trial: Trial, expected: MaybeTensors, tolerance: float
    ) -> list[ArgumentVerdict]:
        """Compare backward's answer with known gradients, element by element."""
        places = range(len(trial.point))
        return [self.compare_one(trial, i, expected[i], tolerance) for i in places]

    def compare_one(
        self, trial: Trial, slot: int, want: Tensor | None, tolerance: float
    ) -> ArgumentVerdict:
        """Compare backward's answer for one argument with the known gradient."""
        x, sizes = trial.point[slot], (trial.floor(trial.point[slot]), trial.rounding, trial.whole)
        name, got = self.evaluator.names[slot], trial.got[slot]
        return compare_one(name, want, got, x, tolerance, self.rtol, *sizes)

    def reference_rounding(self, trial: Trial, gradients: MaybeTensors) -> float:
        """Return ten times the relative change of the witness when the point moves by one unit in the last place.

        Ill-conditioned operations amplify rounding; two right formulas differ by that much.
        """
        moved = [
            x * (1 + 2 * EPS * torch.sgn(u.real))
            for x, u in zip(trial.point, trial.along, strict=True)
        ]
        again = self.ask_reference(moved, trial.cotangents).gradients
        pairs = zip(gradients, again, strict=True)
        return 10 * max(
            (relative_error(a, b) for a, b in pairs if a is not None and b is not None), default=0.0
        )

    @property
    def reference_tolerance(self) -> float:
        """Relative error above which a gradient is not what exact arithmetic gives."""
        return max(REFERENCE_RTOL, 50 * self.precision)

    def expected(self, trial: Trial, slot: int, judgement: Judgement) -> tuple[Tensor, float]:
        """Return the true gradient of one argument: the witness's if the judge agrees, else numeric."""
        try:
            gradient = self.ask_reference(trial.point, trial.cotangents).gradients[slot]
        except NotApplicable:
            gradient = None
        if gradient is not None:
            claimed = inner([gradient], [trial.along[slot]])
            if not judgement.best.differs(claimed):
                return gradient, self.reference_tolerance
        numeric = numeric_gradient(
            self.evaluator.forward, trial.point, trial.cotangents, slot, self.precision
        )
        return numeric, numeric_tolerance(self.precision)


def _plain_cotangents(outputs: Sequence[Tensor], drawn: Sequence[Tensor]) -> list[list[Tensor]]:
    ones = [torch.ones_like(y) for y in outputs]
    halves = [v.clone() for v in drawn]
    for half in halves:
        if half.dim():
            half[::2] = 0
    return [ones, [-v for v in ones], halves]
