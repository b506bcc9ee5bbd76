"""The decision: are the first derivatives right? Judge and witness weighed against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from pytest_autograd._errors import NotApplicable
from pytest_autograd._evaluator import Evaluator, MaybeTensors
from pytest_autograd._judge import EPS, Judgement, Line, direction, inner, judge, signed_bounded, size
from pytest_autograd._numeric import numeric_gradient, numeric_tolerance
from pytest_autograd._witness import Witness

PROBES = 2
RETRIES = 3
JITTER = 0.01
WITNESS_RTOL = 1e-9

Testify = Callable[[Sequence[Tensor], Sequence[Tensor]], Witness]
Truth = Callable[[Sequence[Tensor], Sequence[Tensor]], MaybeTensors]


@dataclass(frozen=True)
class Argument:
    """What is known of the gradient of one argument.

    ``expected`` and ``got`` are for the cotangents of one probe; ``expected`` is NaN where it was not measured.
    """

    name: str
    status: Literal["ok", "wrong", "inexact", "missing", "unresolved"]
    error: float = 0.0
    tolerance: float = 0.0
    expected: Tensor | None = None
    got: Tensor | None = None


@dataclass(frozen=True)
class Probe:
    """One pair of cotangents and direction, and what backward answered."""

    point: list[Tensor]
    cotangents: list[Tensor]
    along: list[Tensor]
    got: MaybeTensors


@dataclass
class Values:
    """The verdict on the first derivatives.

    ``reason`` says why a gradient is not confirmed; ``notes`` what else was learnt. ``probes`` are kept for the
    explanation. ``accuracy`` is the relative agreement that could be confirmed.
    """

    arguments: list[Argument]
    confirmed: bool
    by: str
    accuracy: float | None = None
    kinked: bool = False
    reason: str | None = None
    notes: list[str] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    precision: float = EPS


class Verifier:
    """Decides on the gradients of one evaluator; see the table in the documentation of verdicts."""

    def __init__(
        self, evaluator: Evaluator, testify: Testify, seed: int, rtol: float, precision: float
    ) -> None:
        self.evaluator, self.testify, self.rtol, self.precision = evaluator, testify, rtol, precision
        self.generator = torch.Generator().manual_seed(seed)
        self.kinked = False

    def draw(self, point: Sequence[Tensor]) -> Probe:
        """Draw cotangents and a direction at ``point`` and ask backward for the VJP."""
        outputs = self.evaluator.forward(point)
        cotangents = signed_bounded(outputs, self.generator)
        along = direction(point, self.generator)
        got = self.evaluator.vjp(point, cotangents)
        return Probe(list(point), cotangents, along, got)

    def against_truth(self, truth: Truth, by: str, tolerance: float = WITNESS_RTOL) -> Values:
        """Verify against known gradients (a contract), element by element, at the point and beside it."""
        points = [self.evaluator.point, self.nearby()]
        probes = [self.draw(point) for point in points]
        worst: dict[str, Argument] = {}
        for probe in probes:
            expected = truth(probe.point, probe.cotangents)
            for argument in self.compare(probe, expected, tolerance):
                known = worst.get(argument.name)
                if known is None or argument.error > known.error:
                    worst[argument.name] = argument
        arguments = list(worst.values())
        bad = any(argument.status in ("wrong", "missing") for argument in arguments)
        error = max((argument.error for argument in arguments), default=0.0)
        return Values(arguments, not bad, by, max(error, EPS), probes=probes, precision=self.precision)

    def verify(self) -> Values:
        """Verify against forward itself."""
        values = self._at(self.evaluator.point)
        attempts = 0
        while values.reason and values.kinked and attempts < RETRIES:
            attempts += 1
            beside = self._at(self.nearby())
            if beside.confirmed or any(a.status in ("wrong", "missing") for a in beside.arguments):
                values = replace(beside, kinked=True)
                values.notes.append("judged beside the sample, which lies on a kink")
        if values.reason:
            values = self._witness_alone(values)
        return values

    def nearby(self) -> list[Tensor]:
        """Return a point a little beside the given one."""
        point = self.evaluator.point
        moves = direction(point, self.generator)
        return [x + JITTER * move for x, move in zip(point, moves, strict=True)]

    def _at(self, point: Sequence[Tensor]) -> Values:
        probes = [self.draw(point) for _ in range(PROBES)]
        judgements = [self._judge(probe, range(len(point))) for probe in probes]
        kinked = any(judgement.status == "kink" for judgement in judgements)
        base = Values([], False, "judge", probes=probes, kinked=kinked, precision=self.precision)
        if any(judgement.status == "wrong" for judgement in judgements):
            return self._blame(base)
        if any(judgement.status != "ok" for judgement in judgements):
            base.arguments = [Argument(name, "unresolved") for name in self.evaluator.names]
            base.reason = self._why_unresolved(judgements)
            return base
        base.accuracy = max(judgement.accuracy for judgement in judgements)
        base.arguments = [Argument(name, "ok") for name in self.evaluator.names]
        base.confirmed = True
        return self._with_witness(base, judgements)

    def _why_unresolved(self, judgements: Sequence[Judgement]) -> str:
        if any(judgement.status == "kink" for judgement in judgements):
            return "the sample lies on a kink of forward"
        uncertainty = max(j.best.uncertainty / j.scale for j in judgements)
        return f"finite differences could not resolve the gradient (uncertain by {uncertainty:.1g} of its size)"

    def _judge(self, probe: Probe, slots: Sequence[int]) -> Judgement:
        """Judge the derivative along the probe's direction, restricted to ``slots``."""
        along = [
            u if i in slots else torch.zeros_like(u) for i, u in enumerate(probe.along)
        ]
        line = Line(self.evaluator.forward, probe.point, along, probe.cotangents, self.precision)
        self.precision = max(self.precision, line.precision)
        moving = [g if i in slots else None for i, g in enumerate(probe.got)]
        rounding = size(moving, probe.point)
        return judge(line, inner(moving, along), size(moving, along), rounding)

    def _with_witness(self, values: Values, judgements: Sequence[Judgement]) -> Values:
        """Let the witness look for errors smaller than the judge resolves."""
        for probe, judgement in zip(values.probes, judgements, strict=True):
            try:
                witness = self.testify(probe.point, probe.cotangents)
            except NotApplicable as reason:
                values.notes.append(f"no reference gradient: {reason}")
                return values
            apart = inner(_difference(probe.got, witness.gradients), probe.along)
            if abs(apart) > 10 * max(judgement.best.uncertainty, EPS * judgement.scale) + 1e-8 * judgement.scale:
                cause = ", ".join(witness.breaks) or "a tie"
                values.notes.append(f"the reference gradient disagrees through {cause}; the judge confirms")
                return values
            if witness.breaks:
                continue
            compared = self.compare(probe, witness.gradients, self.witness_tolerance)
            values.arguments = [max(pair, key=lambda a: a.error) for pair in zip(values.arguments, compared, strict=True)]
        if all(argument.status == "ok" for argument in values.arguments):
            return values
        values.accuracy = max(argument.error for argument in values.arguments)
        values.confirmed = all(argument.status in ("ok", "inexact") for argument in values.arguments)
        return values

    @property
    def witness_tolerance(self) -> float:
        """Relative error above which a gradient is not what exact arithmetic gives."""
        return max(WITNESS_RTOL, 50 * self.precision)

    def _witness_alone(self, values: Values) -> Values:
        """Confirm by the witness what the judge cannot resolve, if forward never left autograd."""
        compared: list[Argument] = []
        for probe in values.probes:
            try:
                witness = self.testify(probe.point, probe.cotangents)
            except NotApplicable as reason:
                values.reason = f"{values.reason}, and there is no reference gradient: {reason}"
                return values
            if witness.breaks:
                values.reason = f"{values.reason}, and forward leaves autograd ({', '.join(witness.breaks)})"
                return values
            compared += self.compare(probe, witness.gradients, self.witness_tolerance)
        off = next((a for a in compared if a.status != "ok"), None)
        if off is not None:
            values.reason = f"{values.reason}, and the reference gradient of {off.name} differs"
            return values
        values.arguments = compared[: len(self.evaluator.names)]
        values.notes.append(f"confirmed by the reference gradient alone: {values.reason}")
        values.confirmed, values.by, values.reason = True, "witness", None
        values.accuracy = self.witness_tolerance
        return values

    def compare(self, probe: Probe, expected: MaybeTensors, tolerance: float) -> list[Argument]:
        """Compare backward's answer with known gradients, element by element."""
        return [
            self._compare_one(name, want, got, tolerance, x)
            for name, want, got, x in zip(
                self.evaluator.names, expected, probe.got, probe.point, strict=True
            )
        ]

    def _compare_one(
        self, name: str, want: Tensor | None, got: Tensor | None, tolerance: float, x: Tensor
    ) -> Argument:
        missing = got is None
        want = torch.zeros_like(x) if want is None else want.detach()
        got = torch.zeros_like(x) if got is None else got.detach()
        error = relative_error(want, got)
        if error <= tolerance:
            return Argument(name, "ok", error, tolerance)
        if missing:
            return Argument(name, "missing", error, tolerance, want)
        status: Literal["wrong", "inexact"] = "wrong" if error > self.rtol else "inexact"
        return Argument(name, status, error, tolerance, want, got)

    def _blame(self, values: Values) -> Values:
        """Find out which arguments are wrong, and what their gradients should be."""
        for probe in values.probes:
            values.arguments = [self._blame_one(probe, i) for i in range(len(probe.point))]
            if any(a.status in ("wrong", "missing", "inexact") for a in values.arguments):
                break
        statuses = {argument.status for argument in values.arguments}
        if statuses <= {"ok", "inexact"} and "inexact" in statuses:
            values.confirmed = True
            values.accuracy = max(a.error for a in values.arguments)
        elif not statuses & {"wrong", "missing"}:
            values.reason = "backward disagrees with forward in sum but no single argument could be blamed"
        return values

    def _blame_one(self, probe: Probe, slot: int) -> Argument:
        name, got = self.evaluator.names[slot], probe.got[slot]
        judgement = self._judge(probe, [slot])
        if judgement.status == "ok":
            return Argument(name, "ok", judgement.accuracy)
        if judgement.status != "wrong":
            return Argument(name, "unresolved")
        expected, tolerance = self._expected(probe, slot, judgement)
        compared = self._compare_one(name, expected, got, tolerance, probe.point[slot])
        if compared.status != "ok":
            return compared
        status: Literal["wrong", "inexact"] = "wrong" if judgement.discrepancy > self.rtol else "inexact"
        return Argument(name, status, judgement.discrepancy, tolerance, expected, got)

    def _expected(self, probe: Probe, slot: int, judgement: Judgement) -> tuple[Tensor, float]:
        """Return the true gradient of one argument: the witness's if the judge agrees, else numeric."""
        try:
            gradient = self.testify(probe.point, probe.cotangents).gradients[slot]
        except NotApplicable:
            gradient = None
        if gradient is not None:
            claimed = inner([gradient], [probe.along[slot]])
            if not judgement.best.differs(claimed):
                return gradient, self.witness_tolerance
        numeric = numeric_gradient(
            self.evaluator, probe.point, probe.cotangents, slot, self.precision
        )
        return numeric, numeric_tolerance(self.precision)


def relative_error(want: Tensor, got: Tensor) -> float:
    """Return the largest difference of two gradients relative to their scale; NaN in ``want`` is not compared.

    Non-finite values in ``got`` where ``want`` is finite count as an infinite error.
    """
    known = ~torch.isnan(want)
    if not bool(known.any()):
        return 0.0
    want, got = want[known], got[known]
    same = (want == got) | (torch.isnan(want) & torch.isnan(got))
    difference = torch.where(same, torch.zeros_like(want), want - got).abs()
    if not bool(torch.isfinite(difference).all()):
        return float("inf")
    scale = float(torch.maximum(want.abs(), torch.zeros_like(want.abs())).max())
    scale = scale or float(got.abs().max())
    return float(difference.max()) / scale if scale else 0.0


def _difference(got: MaybeTensors, want: MaybeTensors) -> MaybeTensors:
    pairs = zip(got, want, strict=True)
    return [
        (g if w is None else -w if g is None else g - w) if g is not None or w is not None else None
        for g, w in pairs
    ]
