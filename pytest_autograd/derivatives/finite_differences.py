"""Directional derivatives by finite differences that know their own error.

The derivative of ``<w, f(x + t u)>`` at ``t = 0`` is a central difference at three step sizes, extrapolated after
Richardson; differences between the extrapolations and the rounding of ``f`` give its uncertainty. One-sided slopes
whose gap does not close as the step shrinks are the mark of a kink.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.derivatives.tangents import inner
from pytest_autograd.errors import NotApplicable

EPS = torch.finfo(torch.float64).eps
SIGMAS = 3.0
STEP = 1e-4
BUDGET_SECONDS = 5.0
ONE_SIDED_STEPS = (1e-4, 1e-6)
KEPT_ELEMENTS = 1_000_000  # outputs larger than that are computed anew for each cotangent
FOURTH_DIFFERENCE = (
    70**0.5
)  # root of 1 + 16 + 36 + 16 + 1, by which a fourth difference enlarges rounding


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


class Samples:
    """A function along ``point + t * direction``, as flat real vectors; they are kept for cotangents to share.

    ``like`` has the shapes of the outputs; an output that is None counts as zeros.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Tensor]], Sequence[Tensor | None]],
        point: Sequence[Tensor],
        along: Sequence[Tensor],
        like: Sequence[Tensor],
        start: Sequence[Tensor | None] | None = None,
    ) -> None:
        self._function, self._point, self._along, self._like = function, point, along, like
        self._known: dict[float, Tensor] = {}
        if start is not None:
            self._known[0.0] = flat_real(start, like)

    def at(self, t: float) -> Tensor:
        """Return all outputs at ``point + t * direction`` as one float64 vector."""
        if t in self._known:
            return self._known[t]
        moved = [x + t * u for x, u in zip(self._point, self._along, strict=True)]
        vector = flat_real(self._function(moved), self._like)
        if vector.numel() <= KEPT_ELEMENTS:
            self._known[t] = vector
        return vector


def flat_real(tensors: Sequence[Tensor | None], like: Sequence[Tensor]) -> Tensor:
    """Return tensors as one float64 vector, complex ones as pairs: then ``Re <a, b>`` is a plain dot product."""
    parts = []
    for tensor, model in zip(tensors, like, strict=True):
        value = torch.zeros_like(model) if tensor is None else tensor.detach()
        if value.is_complex():
            value = torch.view_as_real(value.resolve_conj())
        parts.append(value.to(torch.float64).reshape(-1))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class FunctionAlongLine:
    """The outputs along a path, weighted by cotangents; ``precision`` is the relative rounding of the function."""

    def __init__(self, path: Samples, weights: Sequence[Tensor], precision: float = EPS) -> None:
        self.path, self.precision = path, precision
        self.weights = flat_real(weights, weights)
        self.base = path.at(0.0)
        self.size = float((self.base * self.weights).square().sum().sqrt())
        self.noise = max(EPS, precision) * self.size

    def rounding(self, step: float) -> float:
        """Return the typical relative rounding of an output, by fourth differences at ``step``.

        The median over elements: a kink or a jump at a few of them is no rounding.
        """
        at = self.path.at
        outer, inner_ = at(2 * step) + at(-2 * step), at(step) + at(-step)
        fourth = (outer - 4 * inner_ + 6 * self.base).abs() / FOURTH_DIFFERENCE
        magnitude = self.base.abs()
        known = magnitude > 1e-6 * magnitude.max() if magnitude.numel() else magnitude > 0
        ratio = float((fourth[known] / magnitude[known]).median()) if bool(known.any()) else 0.0
        return ratio if math.isfinite(ratio) else 0.0

    def moved(self, t: float) -> float:
        """Return by how much the function changes from 0 to ``t``."""
        return float((self.path.at(t) - self.base) @ self.weights)

    def slope(self, h: float, rounding: float) -> Slope:
        """Return the derivative at 0 from steps ``h``, ``h/2`` and ``h/4``; ``rounding`` is the size of ``g * x``."""
        steps = (h, h / 2, h / 4)
        vectors = [self.path.at(t) for step in steps for t in (step, -step)]
        differences = ((torch.stack(vectors) - self.base) @ self.weights).tolist()
        sides = zip(steps, differences[::2], differences[1::2], strict=True)
        slopes = [(plus / step, -minus / step) for step, plus, minus in sides]
        central = [(right + left) / 2 for right, left in slopes]
        gaps = [right - left for right, left in slopes]
        noise = 4 * (self.noise + EPS * rounding) / h
        first = [(4 * b - a) / 3 for a, b in pairwise(central)]
        value = (16 * first[1] - first[0]) / 15
        # |first - first| also covers a jump of the second derivative, where the error falls with h only
        uncertainty = abs(first[1] - first[0]) + abs(value - first[1]) + noise
        closed = [2 * b - a for a, b in pairwise(gaps)]
        kinked = abs(closed[1]) > SIGMAS * (abs(closed[1] - closed[0]) + 4 * noise)
        return Slope(h, value, uncertainty, noise, kinked)


def has_bounded_slope(line: FunctionAlongLine, sign: float) -> bool:
    """Whether the one-sided slope of ``line`` stays bounded as the step shrinks, as it does but for a singularity."""
    coarse, fine = (abs(line.moved(sign * h)) / h for h in ONE_SIDED_STEPS)
    return fine <= 3 * coarse + 1e-6 * max(line.size, 1.0)


def extrapolated(at: Callable[[float], Any], h: float) -> Any:
    """Return the derivative of ``at`` at 0 from central differences at ``h`` and ``h/2``, extrapolated."""
    wide = (at(h) - at(-h)) / (2 * h)
    near = (at(h / 2) - at(-h / 2)) / h
    return (4 * near - wide) / 3


def numeric_gradient(
    forward: Callable[[Sequence[Tensor]], Sequence[Tensor]],
    point: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    slot: int,
    precision: float,
) -> Tensor:
    """Return ``d<v, f>/dx`` for ``x = point[slot]``; NaN beyond the time budget and where forward refuses.

    Central differences at two steps, extrapolated; the steps suit the precision of forward. For complex ``x`` the
    gradient is ``d/dRe + i d/dIm``, torch's convention.
    """
    x = point[slot]
    step = STEP if precision <= 1e-9 else precision ** (1 / 3)
    result = torch.full_like(x, float("nan"), memory_format=torch.contiguous_format)
    flat: Any = result.view(-1)
    stop = time.monotonic() + BUDGET_SECONDS

    def value(shift: Tensor) -> float:
        moved = list(point)
        moved[slot] = x + shift
        return inner(list(cotangents), forward(moved))

    def slope(i: int, unit: complex) -> float:
        h = step * max(1.0, abs(x.reshape(-1)[i].item()))
        shift: Any = torch.zeros(x.numel(), dtype=x.dtype, device=x.device)
        shift[i] = unit if x.is_complex() else 1
        shift = shift.view(x.shape)
        return extrapolated(lambda t: value(t * shift), h)

    for i in range(x.numel()):
        if time.monotonic() > stop:
            break
        with suppress(NotApplicable):  # forward refuses the point: the element stays unknown
            flat[i] = complex(slope(i, 1), slope(i, 1j)) if x.is_complex() else slope(i, 1)
    return result


def numeric_tolerance(precision: float) -> float:
    """Return the relative error to allow a gradient from :func:`numeric_gradient`."""
    return 1e-6 if precision <= 1e-9 else 20 * max(precision, EPS) ** (2 / 3)
