"""Gradients element by element from finite differences, for naming the wrong element after a failure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.derivatives.directional_test import inner
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import EPS

STEP = 1e-4
BUDGET_SECONDS = 5.0


def numeric_gradient(
    evaluator: Evaluator,
    point: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    slot: int,
    precision: float,
) -> Tensor:
    """Return ``d<v, f>/dx`` for ``x = point[slot]``; elements beyond the time budget are NaN.

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
        return inner(list(cotangents), evaluator.forward(moved))

    def slope(i: int, unit: complex) -> float:
        h = step * max(1.0, abs(x.reshape(-1)[i].item()))
        shift: Any = torch.zeros(x.numel(), dtype=x.dtype, device=x.device)
        shift[i] = unit * h if x.is_complex() else h
        shift = shift.view(x.shape)
        wide = (value(shift) - value(-shift)) / (2 * h)
        near = (value(shift / 2) - value(-shift / 2)) / h
        return (4 * near - wide) / 3

    for i in range(x.numel()):
        if time.monotonic() > stop:
            break
        flat[i] = complex(slope(i, 1), slope(i, 1j)) if x.is_complex() else slope(i, 1)
    return result


def numeric_tolerance(precision: float) -> float:
    """Return the relative error to allow a gradient from :func:`numeric_gradient`."""
    return 1e-6 if precision <= 1e-9 else 20 * max(precision, EPS) ** (2 / 3)
