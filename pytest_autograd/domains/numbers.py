"""Domains of single elements: signs, intervals, whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from pytest_autograd.domains.domain import Domain
from pytest_autograd.errors import CheckError

OFF_THE_RIM = 1e-3


def _positive(x: Tensor) -> Tensor:
    return torch.where(x == 0, OFF_THE_RIM, x.abs())


positive = Domain("positive", _positive, _positive)
nonnegative = Domain("nonnegative", torch.abs, torch.abs)


def interval(low: float, high: float) -> Domain:
    """The numbers from ``low`` to ``high``, both ends with them; what lies outside is mirrored at the ends.

    Points that are drawn there keep off the ends, where functions on an interval may have no value: give those.

    Raises:
        CheckError: the interval is empty.
    """
    if not low < high:
        raise CheckError(f"interval({low}, {high}) is empty: write the lower end first")
    width = high - low

    def folded(x: Tensor) -> Tensor:
        inside = (x >= low) & (x <= high)
        return torch.where(
            inside, x, low + (torch.remainder(x - low + width, 2 * width) - width).abs()
        )

    def off_the_rim(x: Tensor) -> Tensor:
        return folded(x).clamp(low + OFF_THE_RIM * width, high - OFF_THE_RIM * width)

    return Domain(f"interval({low}, {high})", off_the_rim, folded)


def integers(low: int | None = None, high: int | None = None) -> Domain:
    """The whole numbers from ``low`` up to and without ``high``; a bound left out does not bound.

    Raises:
        CheckError: there is none.
    """
    if low is not None and high is not None and not low < high:
        raise CheckError(f"integers({low}, {high}) are none: write the lower bound first")

    def nearest(x: Tensor) -> Tensor:
        whole = x.round() if x.is_floating_point() else x
        if low is not None and high is not None:
            return torch.remainder(whole - low, high - low) + low
        return whole.clamp(low, None if high is None else high - 1)

    bounds = ", ".join(str(bound) for bound in (low, high) if bound is not None)
    free = low is None and high is None
    return Domain(f"integers({bounds})", torch.round if free else nearest)
