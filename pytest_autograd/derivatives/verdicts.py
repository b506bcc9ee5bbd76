"""What is known of the first derivatives of one call: trials, a verdict an argument, and the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.compare import MaybeTensors, largest, relative_error
from pytest_autograd.derivatives.directional_test import Judgement
from pytest_autograd.derivatives.finite_differences import EPS, Samples

NEGLIGIBLE = 1e-4
NOISE = 1e-7  # so small beside what else there is, and where zero is due, a gradient is a solver's noise


@dataclass(frozen=True)
class ArgumentVerdict:
    """What is known of the gradient of one argument.

    ``expected`` and ``got`` are for the cotangents of one trial; ``expected`` is NaN where it was not measured.
    """

    name: str
    status: Literal["ok", "wrong", "inexact", "missing", "unresolved", "along"]
    error: float = 0.0
    tolerance: float = 0.0
    expected: Tensor | None = None
    got: Tensor | None = None


@dataclass(frozen=True)
class Trial:
    """One pair of cotangents and direction, and what backward answered."""

    point: list[Tensor]
    cotangents: list[Tensor]
    along: list[Tensor]
    got: MaybeTensors
    outputs: list[Tensor]
    path: Samples

    @property
    def rounding(self) -> float:
        """What float64 may lose in a product of a cotangent with intermediates of order one."""
        return (
            8 * EPS * max((float(v.abs().max()) for v in self.cotangents if v.numel()), default=0.0)
        )

    @property
    def whole(self) -> float:
        """The size of the largest element of all gradients."""
        return largest(self.got)

    def floor(self, x: Tensor) -> float:
        """Return the scale below which a gradient by ``x`` is rounding: a small part of ``<v, f>`` over ``x``."""
        return NEGLIGIBLE * natural_scale(self.cotangents, self.outputs, x)


def natural_scale(cotangents: Sequence[Tensor], outputs: Sequence[Tensor], x: Tensor) -> float:
    """Return the size that a gradient by ``x`` has where ``<v, f>`` changes by itself when ``x`` does."""
    weighted = [(v * y).abs() for v, y in zip(cotangents, outputs, strict=True)]
    count = sum(part.numel() for part in weighted)
    if not count or not x.numel():
        return 0.0
    squares = sum(float(part.double().square().sum()) for part in weighted)
    spread = max(float(x.abs().double().square().mean().sqrt()), 1e-2)
    natural = (squares / count) ** 0.5 * min(1.0, count / x.numel()) / spread
    return natural if math.isfinite(natural) else 0.0


@dataclass
class FirstOrder:
    """The verdict on the first derivatives.

    ``reason`` says why a gradient is not confirmed; ``notes`` what else was learnt. ``trials`` are kept for the
    explanation. ``accuracy`` is the relative agreement that could be confirmed. ``vacuous``: there was nothing to
    compare, so nobody can confirm. ``overruled``: finite differences said wrong, the reference agrees with backward.
    ``up_to``: what forward chooses as it pleases, so that it is no function of its inputs.
    """

    arguments: list[ArgumentVerdict]
    confirmed: bool
    by: str
    accuracy: float | None = None
    kinked: bool = False
    reason: str | None = None
    notes: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    precision: float = EPS
    judgements: list[Judgement] = field(default_factory=list)
    vacuous: bool = False
    overruled: bool = False
    up_to: str | None = None

    @property
    def names(self) -> list[str]:
        """Names of the judged arguments, in their order."""
        return [argument.name for argument in self.arguments]

    def trial_of(self, argument: ArgumentVerdict) -> Trial | None:
        """Return the trial whose answer the verdict on ``argument`` is about, None if none of these is."""
        place = self.names.index(argument.name)
        for trial in self.trials:
            answer = trial.got[place]
            if answer is not None and argument.got is not None and same(answer, argument.got):
                return trial
        return None

    @property
    def dtypes(self) -> str:
        """The dtypes that were judged, as in ``float64``."""
        point = self.trials[0].point if self.trials else []
        return " and ".join(dict.fromkeys(str(x.dtype).removeprefix("torch.") for x in point))


def _furthest(known: Tensor, given: Tensor) -> float:
    return float((known - given).abs().nan_to_num(nan=0.0).max()) if known.numel() else 0.0


def compare_one(
    name: str,
    want: Tensor | None,
    got: Tensor | None,
    x: Tensor,
    tolerance: float,
    rtol: float,
    floor: float = 0.0,
    rounding: float = 0.0,
    whole: float = 0.0,
) -> ArgumentVerdict:
    """Compare the gradient of one argument ``x`` with the known one, None standing for zero.

    An error above ``tolerance`` is ``inexact`` up to ``rtol`` and ``wrong`` beyond. ``floor`` is the least scale that
    errors are measured by: a gradient that lies below it altogether may be rounding of larger numbers, and where it
    differs it is ``unresolved``. Differences up to ``rounding`` count as none. Noise where zero is due is ``inexact``,
    measured by the ``whole``: the size of all gradients.
    """
    known = torch.zeros_like(x) if want is None else want.detach()
    given = torch.zeros_like(x) if got is None else got.detach()
    error = relative_error(known, given, floor)
    if error <= tolerance or (math.isfinite(error) and _furthest(known, given) <= rounding):
        return ArgumentVerdict(name, "ok", min(error, tolerance), tolerance)
    if got is None:
        return ArgumentVerdict(name, "missing", error, tolerance, known)
    most, due = _furthest(known, given), float(known.abs().nan_to_num().max())
    if math.isfinite(error) and due <= NOISE * most and 0 < most <= NOISE * whole:
        return ArgumentVerdict(name, "inexact", most / whole, tolerance, known, given)
    if error <= rtol and float(known.abs().nan_to_num().max()) < floor:
        return ArgumentVerdict(name, "unresolved", error, tolerance, known, given)
    status: Literal["wrong", "inexact"] = "wrong" if error > rtol else "inexact"
    return ArgumentVerdict(name, status, error, tolerance, known, given)


def why_unresolved(judgements: Sequence[Judgement]) -> str:
    """Say why these judgements decide nothing."""
    if not judgements:
        return "finite differences disagree with the reference gradient"
    if any(judgement.rough for judgement in judgements):
        return (
            "forward follows the gradient at wide steps but not at small ones, as an iterative solver does that "
            "stops early: tighten its tolerance for the check"
        )
    if any(judgement.status == "kink" for judgement in judgements):
        return "the sample lies on a kink of forward"
    uncertainty = max(j.best.uncertainty / j.scale for j in judgements)
    return f"finite differences could not resolve the gradient (uncertain by {uncertainty:.1g} of its size)"
