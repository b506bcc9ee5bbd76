"""What is known of the first derivatives of one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from pytest_autograd._evaluator import MaybeTensors
from pytest_autograd._judge import EPS


@dataclass(frozen=True)
class Argument:
    """What is known of the gradient of one argument.

    ``expected`` and ``got`` are for the cotangents of one trial; ``expected`` is NaN where it was not measured.
    """

    name: str
    status: Literal["ok", "wrong", "inexact", "missing", "unresolved"]
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


@dataclass
class Values:
    """The verdict on the first derivatives.

    ``reason`` says why a gradient is not confirmed; ``notes`` what else was learnt. ``trials`` are kept for the
    explanation. ``accuracy`` is the relative agreement that could be confirmed.
    """

    arguments: list[Argument]
    confirmed: bool
    by: str
    accuracy: float | None = None
    kinked: bool = False
    reason: str | None = None
    notes: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    precision: float = EPS


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


def compare_one(
    name: str, want: Tensor | None, got: Tensor | None, x: Tensor, tolerance: float, rtol: float
) -> Argument:
    """Compare the gradient of one argument ``x`` with the known one, None standing for zero.

    An error above ``tolerance`` is ``inexact`` up to ``rtol`` and ``wrong`` beyond.
    """
    known = torch.zeros_like(x) if want is None else want.detach()
    given = torch.zeros_like(x) if got is None else got.detach()
    error = relative_error(known, given)
    if error <= tolerance:
        return Argument(name, "ok", error, tolerance)
    if got is None:
        return Argument(name, "missing", error, tolerance, known)
    status: Literal["wrong", "inexact"] = "wrong" if error > rtol else "inexact"
    return Argument(name, status, error, tolerance, known, given)
