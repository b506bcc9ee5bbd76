"""How far two results are apart, and the first of several that is too far."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pytest_autograd.errors import TargetRaised

MaybeTensors = list[Tensor | None]
SMALL = 1e-6  # a result is measured by no less than so much of all results: below is rounding of larger numbers


@dataclass(frozen=True)
class Difference:
    """What is another result elsewhere: where, the argument whose gradient it is, how far, or what was raised.

    Without an ``argument`` it is an output of forward, or nothing was compared.
    """

    where: str
    argument: str | None = None
    error: float = 0.0
    raised: Exception | None = None


def first_difference(
    where: str,
    names: Sequence[str],
    want: Sequence[Tensor | None],
    ask: Callable[[], Sequence[Tensor | None]],
    tolerance: float,
) -> Difference | None:
    """Ask again; return the first result that is farther than ``tolerance`` from the wanted one, or what was raised."""
    try:
        got = ask()
    except TargetRaised as raised:
        return Difference(where, raised=raised.error)
    floor = SMALL * largest(want)
    for name, a, b in zip(names, want, got, strict=True):
        error = apart(a, b, floor)
        if error > tolerance:
            return Difference(where, name, error)
    return None


def apart(want: Tensor | None, got: Tensor | None, floor: float = 0.0) -> float:
    """Return the relative error of a result that may be missing: 1 where one of the two is, 0 where both are."""
    if want is None or got is None:
        return 0.0 if want is got else 1.0
    return relative_error(want, got, floor)


def largest(tensors: Sequence[Tensor | None]) -> float:
    """Return the size of the largest finite element."""
    sizes = (float(t.detach().abs().max()) for t in tensors if t is not None and t.numel())
    return max((size for size in sizes if math.isfinite(size)), default=0.0)


def relative_error(want: Tensor, got: Tensor, floor: float = 0.0) -> float:
    """Return the largest difference of two gradients relative to their scale; NaN in ``want`` is not compared.

    Non-finite values in ``got`` where ``want`` is finite count as an infinite error.
    """
    if not bool((want - got).any()):  # NaN counts as a difference here
        return 0.0
    same = (want == got) | (torch.isnan(want) & torch.isnan(got))
    known = ~torch.isnan(want) & ~(same & ~torch.isfinite(want))
    if not bool(known.any()):
        return 0.0
    want, got, same = want[known], got[known], same[known]
    difference = torch.where(same, torch.zeros_like(want), want - got).abs()
    if not bool(torch.isfinite(difference).all()):
        return float("inf")
    scale = float(want.abs().max())
    scale = max(scale or float(got.abs().max()), floor)
    return float(difference.max()) / scale if scale else 0.0


def minus(got: MaybeTensors, want: MaybeTensors) -> MaybeTensors:
    """Return the differences of two lists of gradients, None counting as zero."""
    pairs = zip(got, want, strict=True)
    return [
        (g if w is None else -w if g is None else g - w) if g is not None or w is not None else None
        for g, w in pairs
    ]


def copies(tensors: MaybeTensors) -> MaybeTensors:
    """Return the tensors in memory of their own: the next backward may write into what this one returned."""
    return [None if tensor is None else tensor.detach().clone() for tensor in tensors]
