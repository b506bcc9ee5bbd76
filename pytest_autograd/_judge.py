"""The judge: is a number the directional derivative of forward? By finite differences that know their own error.

For cotangents ``v`` and a direction ``u`` over all differentiated inputs, the VJP ``g = v J`` must satisfy
``<g, u> = d/dt <v, f(x + t u)>`` at ``t = 0``. The right side is a central difference at three step sizes,
extrapolated after Richardson; differences between the extrapolations and the rounding of ``f`` give its uncertainty.
One-sided slopes whose gap does not close as the step shrinks tell a kink from a fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

EPS = torch.finfo(torch.float64).eps
FINE_STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
COARSE_STEPS = (1e-1, 3e-2, 1e-2, 3e-3)  # where forward works in low precision
GOOD_ENOUGH = 1e-10  # relative uncertainty at which no smaller step is tried
RESOLVED = 1e-2  # relative uncertainty above which a slope says nothing
SIGMAS = 3.0
COARSE_ABOVE = 1e-10  # relative rounding above which forward does not compute in float64
JUMP = 1e-2  # relative change that no rounding explains
PROBE_NOISE = (
    1e-7  # step at which rounding is measured, by a third difference: curvature adds its cube only
)
THIRD_DIFFERENCE = 20**0.5  # root of 1 + 9 + 9 + 1, by which a third difference enlarges rounding


@dataclass(frozen=True)
class Slope:
    """A directional derivative by finite differences, how sure it is, and whether the point is a kink.

    ``rounding`` is the part of ``uncertainty`` that comes from rounding and grows as the step shrinks.
    """

    step: float
    value: float
    uncertainty: float
    rounding: float
    kinked: bool

    def differs(self, value: float) -> bool:
        """Whether ``value`` lies outside what this slope allows."""
        return not abs(self.value - value) <= SIGMAS * self.uncertainty


@dataclass(frozen=True)
class Judgement:
    """What the judge says of one directional derivative; ``accuracy`` is relative to ``scale``."""

    status: Literal["ok", "wrong", "kink", "unresolved"]
    claimed: float
    slopes: tuple[Slope, ...]
    scale: float

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


def inner(left: Sequence[Tensor | None], right: Sequence[Tensor]) -> float:
    """Return ``sum Re(conj(left) * right)``, None counting as zero: the pairing of cotangents and tangents."""
    return sum(
        float(_products(a, b).sum()) for a, b in zip(left, right, strict=True) if a is not None
    )


def size(left: Sequence[Tensor | None], right: Sequence[Tensor]) -> float:
    """Return the root of the summed squares of the element-wise products: the typical size of ``inner``."""
    pairs = zip(left, right, strict=True)
    total = sum(
        float((_flat(a) * _flat(b)).abs().square().sum()) for a, b in pairs if a is not None
    )
    return total**0.5


def _products(left: Tensor, right: Tensor) -> Tensor:
    """Return ``Re(conj(left) * right)`` element by element, as a float64 vector."""
    if left.is_complex() or right.is_complex():
        return (_flat(left).conj() * _flat(right)).real
    return _flat(left) * _flat(right)


def _flat(tensor: Tensor) -> Tensor:
    kind = torch.complex128 if tensor.is_complex() else torch.float64
    return tensor.detach().to(kind).reshape(-1)


def signed_bounded(like: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Draw a random sign times uniform[0.5, 1.5] for each element: no dead coordinate, no exact cancellation."""

    def draw(tensor: Tensor) -> Tensor:
        size = uniform = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
        sign = torch.randint(0, 2, tensor.shape, generator=generator) * 2 - 1
        size = (uniform + 0.5) * sign
        return size

    drawn = []
    for tensor in like:
        value = torch.complex(draw(tensor), draw(tensor)) if tensor.is_complex() else draw(tensor)
        drawn.append(value.to(dtype=tensor.dtype, device=tensor.device))
    return drawn


def direction(point: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Draw a direction in the scale of the point, so that steps suit large and small inputs alike."""
    return [
        u * _step_scale(x) for u, x in zip(signed_bounded(point, generator), point, strict=True)
    ]


def _step_scale(x: Tensor) -> Tensor:
    magnitude = x.abs()
    if not x.numel():
        return magnitude
    typical = magnitude.square().mean().sqrt().clamp(1e-2, 1.0)
    return torch.maximum(magnitude, typical)


class Line:
    """Forward along ``point + t * direction``, weighted by the cotangents; ``f(0)`` is kept."""

    def __init__(
        self,
        forward: Callable[[Sequence[Tensor]], Sequence[Tensor | None]],
        point: Sequence[Tensor],
        along: Sequence[Tensor],
        weights: Sequence[Tensor],
        precision: float = EPS,
    ) -> None:
        self._forward, self._point, self._along, self._weights = forward, point, along, weights
        self.base = self.at(0.0)
        near = self.at(2 * PROBE_NOISE) - 3 * self.at(PROBE_NOISE) - self.at(-PROBE_NOISE)
        rounding = (near + 3 * self.base).abs() / THIRD_DIFFERENCE
        magnitude = self.base.abs()
        self.size = float(magnitude.square().sum().sqrt())
        self.precision = max(precision, _typical_ratio(rounding, magnitude))
        self.noise = float(torch.maximum(EPS * magnitude, rounding).square().sum().sqrt())

    def at(self, t: float) -> Tensor:
        """Return all weighted outputs at ``point + t * direction`` as one real vector."""
        moved = [x + t * u for x, u in zip(self._point, self._along, strict=True)]
        outputs = self._forward(moved)
        pairs = zip(self._weights, outputs, strict=True)
        return torch.cat(
            [
                w.new_zeros(w.numel(), dtype=torch.float64) if y is None else _products(w, y)
                for w, y in pairs
            ]
        )

    def slope(self, h: float, rounding: float) -> Slope:
        """Return the derivative at 0 from steps ``h``, ``h/2`` and ``h/4``; ``rounding`` is the size of ``g * x``."""
        central, gaps = [], []
        for step in (h, h / 2, h / 4):
            plus, minus = self.at(step) - self.base, self.base - self.at(-step)
            central.append(float((plus + minus).sum()) / (2 * step))
            gaps.append(float((plus - minus).sum()) / step)
        noise = 4 * (self.noise + EPS * rounding) / h
        first = [(4 * b - a) / 3 for a, b in pairwise(central)]
        value = (16 * first[1] - first[0]) / 15
        # |first - first| also covers a jump of the second derivative, where the error falls with h only
        uncertainty = abs(first[1] - first[0]) + abs(value - first[1]) + noise
        closed = [2 * b - a for a, b in pairwise(gaps)]
        kinked = abs(closed[1]) > SIGMAS * (abs(closed[1] - closed[0]) + 4 * noise)
        rounding_part = (
            noise if self.noise < JUMP * self.size else 4 * EPS * (self.size + rounding) / h
        )
        return Slope(h, value, uncertainty, rounding_part, kinked)


def _typical_ratio(rounding: Tensor, magnitude: Tensor) -> float:
    """Return the relative rounding of forward if it is coarser than float64's, else 0.

    The median over elements: a kink or a jump at a few of them is no rounding.
    """
    known = magnitude > 1e-6 * magnitude.max() if magnitude.numel() else magnitude > 0
    if not bool(known.any()):
        return 0.0
    ratio = float((rounding[known] / magnitude[known]).median())
    return ratio if COARSE_ABOVE < ratio < JUMP else 0.0


def judge(line: Line, claimed: float, scale: float, rounding: float) -> Judgement:
    """Compare ``claimed = <g, u>`` with the slope of ``line``, at smaller and smaller steps until it is clear.

    ``scale``: typical size of ``<g, u>`` (see :func:`size`); ``rounding``: size of ``g * x``.
    """
    slopes: list[Slope] = []
    if not math.isfinite(claimed):  # then only the size of the slope itself is left to measure by
        scale = rounding = 0.0
    scale = max(scale, abs(claimed) if scale else 0.0, 1e-9 * line.size, 1e-300)
    for h in FINE_STEPS if line.precision < 1e-9 else COARSE_STEPS:
        slope = line.slope(h, rounding)
        slopes.append(slope)
        sure = not slope.kinked and slope.uncertainty <= GOOD_ENOUGH * scale
        if sure and not slope.differs(claimed):
            return Judgement("ok", claimed, tuple(slopes), scale)
        sharp = slope.uncertainty <= 1e-4 * scale
        if len(slopes) > 1 and sharp and _agree(*slopes[-2:]) and _both_differ(slopes, claimed):
            break
    scale = max(scale, *(abs(s.value) for s in slopes))
    return Judgement(_status(slopes, claimed, scale), claimed, tuple(slopes), scale)


def _agree(one: Slope, other: Slope) -> bool:
    """Whether two slopes are the same and the finer step did not make matters worse.

    Where forward oscillates faster than the steps, the differences grow as the step shrinks.
    """
    coarse, fine = sorted((one, other), key=lambda slope: -slope.step)
    converging = fine.uncertainty - 20 * fine.rounding <= 3 * coarse.uncertainty
    near = abs(one.value - other.value) <= SIGMAS * (one.uncertainty + other.uncertainty)
    return converging and near and not (one.kinked or other.kinked)


def _both_differ(slopes: Sequence[Slope], claimed: float) -> bool:
    return all(slope.differs(claimed) for slope in slopes[-2:])


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
