"""The judge: is a number the directional derivative of forward? By finite differences that know their own error.

For cotangents ``v`` and a direction ``u`` over all differentiated inputs, the VJP ``g = v J`` must satisfy
``<g, u> = d/dt <v, f(x + t u)>`` at ``t = 0``. The right side is a slope of
:mod:`pytest_autograd.derivatives.finite_differences`, which knows its own uncertainty and tells a kink from a fault.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_autograd.derivatives.finite_differences import EPS, SIGMAS, FunctionAlongLine, Slope
from pytest_autograd.errors import NotApplicable

FINE_STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
FINER_STEPS = (1e-7, 1e-8, 1e-9)  # for steep functions, where nothing coarser converged
COARSE_STEPS = (1e-1, 3e-2, 1e-2, 3e-3)  # where forward works in low precision
GOOD_ENOUGH = 1e-10  # relative uncertainty at which no smaller step is tried
RESOLVED = 1e-2  # relative uncertainty above which a slope says nothing
WIDE_STEPS = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3)  # where a rough forward follows the claim
FAR, CLOSE, MOST, TINY = 0.1, 0.02, 0.6, 1e-5


@dataclass(frozen=True)
class Judgement:
    """What the judge says of one directional derivative; ``accuracy`` is relative to ``scale``.

    ``rough``: forward follows the claim at wide steps and not at small ones.
    """

    status: Literal["ok", "wrong", "kink", "unresolved"]
    claimed: float
    slopes: tuple[Slope, ...]
    scale: float
    rough: bool = False

    @property
    def best(self) -> Slope:
        """The surest slope, kinks last."""
        return min(self.slopes, key=lambda slope: (slope.kinked, slope.uncertainty))

    @property
    def discrepancy(self) -> float:
        """Relative difference between what was claimed and what was measured."""
        return abs(self.claimed - self.best.value) / self.scale

    @property
    def accuracy(self) -> float:
        """Relative agreement that this judgement can vouch for."""
        return max(self.discrepancy, self.best.uncertainty / self.scale, EPS)


def judge(line: FunctionAlongLine, claimed: float, scale: float, rounding: float) -> Judgement:
    """Compare ``claimed = <g, u>`` with the slope of ``line``, at smaller and smaller steps until it is clear.

    ``scale``: typical size of ``<g, u>`` (see :func:`size`); ``rounding``: size of ``g * x``.
    """
    if not math.isfinite(claimed):  # then only the size of the slope itself is left to measure by
        scale = rounding = 0.0
    scale = max(scale, abs(claimed) if scale else 0.0, 1e-9 * line.size, 1e-300)
    slopes = _slopes(line, claimed, scale, rounding)
    last = slopes[-1]
    if _is_sure(last, scale) and not last.differs(claimed):
        return Judgement("ok", claimed, tuple(slopes), scale)
    # at a jump slopes grow without end as the step shrinks: only those that are sure of themselves set the scale
    own, scale = scale, max([scale, *(abs(s.value) for s in slopes if _sharp(s))])
    judgement = Judgement(_status(slopes, claimed, scale), claimed, tuple(slopes), scale)
    if judgement.status != "wrong" or not math.isfinite(claimed):
        return judgement
    return _at_the_limit(line, judgement, rounding, own)


def _slopes(line: FunctionAlongLine, claimed: float, scale: float, rounding: float) -> list[Slope]:
    """Return slopes at smaller and smaller steps, up to one that is sure of the claim or two that deny it."""
    slopes: list[Slope] = []
    for h in FINE_STEPS + FINER_STEPS if line.precision < 1e-9 else COARSE_STEPS:
        if h == FINER_STEPS[0] and _status(slopes, claimed, scale) != "unresolved":
            break
        try:
            slope = line.slope(h, rounding)
        except NotApplicable:  # a forward that checks its domain may refuse a wide step
            continue
        slopes.append(slope)
        if _is_sure(slope, scale) and not slope.differs(claimed):
            break
        if len(slopes) > 1 and _status(slopes, claimed, scale) == "wrong":
            break
    if not slopes:
        raise NotApplicable("forward refuses every point beside the given one")
    return slopes


def _is_sure(slope: Slope, scale: float) -> bool:
    return not slope.kinked and slope.uncertainty <= GOOD_ENOUGH * scale


def _at_the_limit(
    line: FunctionAlongLine, wrong: Judgement, rounding: float, own: float
) -> Judgement:
    """Ask the smallest step that still tells: "wrong" stands if it denies the claim too, and not roughness alone.

    It stands too where forward refuses to be asked again.
    """
    claimed = wrong.claimed
    try:
        finest = line.slope(_finest_step(line, wrong.slopes, claimed, rounding), rounding)
    except NotApplicable:
        return wrong
    coarse = min(wrong.slopes, key=lambda s: s.uncertainty)
    if not finest.kinked and not (finest.differs(claimed) and _near(finest, coarse)):
        return replace(wrong, status="unresolved")
    if _rough(line, wrong, rounding, finest.value, own):
        return replace(wrong, status="unresolved", rough=True)
    return wrong


def _rough(
    line: FunctionAlongLine, wrong: Judgement, rounding: float, fine: float, own: float
) -> bool:
    """Whether forward follows the claim but for tiny deviations, as an iterative solver does that stops early.

    Its slopes at wide steps are then those claimed, and at small steps those of the deviations. ``own``: the scale of
    the claim, before slopes enlarged it.
    """
    claimed, scale = wrong.claimed, wrong.scale
    if abs(fine - claimed) <= FAR * scale:
        return False
    try:
        wide = [line.slope(h, rounding).value for h in WIDE_STEPS]
    except NotApplicable:
        return False
    follows = [abs(value - claimed) <= CLOSE * scale for value in wide]
    if follows.count(True) < MOST * len(follows):
        return False
    away = [abs(line.moved(t) - t * claimed) for t in (-WIDE_STEPS[-1], WIDE_STEPS[-1])]
    return max(away) <= TINY * max(line.size, own)


def _finest_step(
    line: FunctionAlongLine, slopes: Sequence[Slope], claimed: float, rounding: float
) -> float:
    """Return the least step at which rounding still leaves the claim and the slopes apart.

    A derivative is a limit: where forward varies faster than the coarse steps, only this one tells.
    """
    best = min(slopes, key=lambda slope: slope.uncertainty)
    noise = 4 * (line.noise + EPS * rounding)
    return min(max(30 * noise / abs(claimed - best.value), FINER_STEPS[-1]), best.step)


def _near(one: Slope, other: Slope) -> bool:
    return abs(one.value - other.value) <= SIGMAS * (one.uncertainty + other.uncertainty)


def _agree(one: Slope, other: Slope) -> bool:
    """Whether two slopes are sharp, the same, and not getting worse as the step shrinks.

    Sharp against their own size or down to rounding, never against what is claimed: where forward varies faster than
    the steps, slopes are small beside a large claim that is right.
    """
    coarse, fine = sorted((one, other), key=lambda slope: -slope.step)
    converging = fine.uncertainty - 20 * fine.rounding <= 3 * coarse.uncertainty
    return converging and _near(one, other) and all(map(_sharp, (one, other)))


def _sharp(slope: Slope) -> bool:
    own = 0.05 * abs(slope.value)
    return not slope.kinked and slope.uncertainty <= max(own, 30 * slope.rounding)


def _status(
    slopes: Sequence[Slope], claimed: float, scale: float
) -> Literal["ok", "wrong", "kink", "unresolved"]:
    smooth = sorted((s for s in slopes if not s.kinked), key=lambda s: s.uncertainty)
    resolved = [s for s in smooth if SIGMAS * s.uncertainty <= RESOLVED * scale]
    if not resolved:
        return "kink" if len(smooth) < len(slopes) else "unresolved"
    best, *others = resolved
    if not best.differs(claimed) or abs(best.value - claimed) <= 10 * EPS * scale:
        return "ok"
    for other in others:
        if other.differs(claimed) and _agree(best, other):
            return "wrong"
    return "kink" if len(smooth) < len(slopes) else "unresolved"
