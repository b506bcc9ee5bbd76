"""Matrices that a Function takes for symmetric: those given are, and it reads one triangle or answers symmetrically.

A Cholesky factor or an eigenvalue of such a matrix has a gradient along symmetric changes only, and by convention that
gradient is symmetric too; as a function of single entries it would be called wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.call.call import Call
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import EPS
from pytest_autograd.derivatives.tangents import draw_cotangents, inner, size
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, fact

NOISE, STEP = 0.1, 1e-5
NOTICEABLE = 1e-6
COMPUTED = 1e-9  # rounding of a computed gradient


class Symmetry(Facts):
    """Which differentiated arguments are symmetric matrices, and which are taken for such."""

    @fact
    def symmetric(self) -> list[str]:
        """The differentiated arguments that are symmetric matrices as given."""
        wide = self.call.widened()
        slots = [wide.slots[i] for i in wide.differentiated]
        return [slot.name for slot in slots if is_symmetric(slot.value)]

    @fact
    def symmetrised(self) -> tuple[Call, list[str]]:
        """The call with the matrices that it takes for symmetric made so on their way in, and their names.

        Where forward or backward raises it is the call as it is.
        """
        call = self.call
        places = [i for i in call.freezable if is_symmetric(call.slots[i].value)]
        if not places:
            return call, []
        evaluator = Evaluator(call.widened(), self.seed)
        try:
            places = [
                i for i in places if _taken_for_symmetric(evaluator, call.differentiated.index(i))
            ]
        except NotApplicable:
            return call, []
        if not places:
            return call, []

        def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
            return call.rebuild(
                [(t + t.mH) / 2 if i in places else t for i, t in enumerate(tensors)]
            )

        return replace(call, rebuild=rebuild), [call.slots[i].name for i in places]


def is_symmetric(value: Tensor, rounding: float = 16 * EPS) -> bool:
    """Whether the last two axes hold symmetric (Hermitian) matrices, to ``rounding`` relative to the largest entry."""
    if value.dim() < 2 or not value.shape[-1] == value.shape[-2] > 1 or not value.numel():
        return False
    if value.dtype not in (torch.float64, torch.complex128):
        rounding = max(rounding, 1e-6)
    return bool((value - value.mH).abs().max() <= rounding * value.abs().max())


def _taken_for_symmetric(evaluator: Evaluator, place: int) -> bool:
    value = evaluator.point[place]
    drawn = torch.rand(value.shape, generator=torch.Generator().manual_seed(evaluator.seed))
    noise = NOISE * drawn.to(value.device, value.dtype) * value.abs().max()
    upper, lower = noise.triu(1), noise.tril(-1)

    def at(change: Tensor) -> list[Tensor]:
        point = evaluator.point
        point[place] = value + change
        return evaluator.forward(point)

    plain = at(torch.zeros_like(value))
    ignored = [all(map(same, plain, at(triangle))) for triangle in (upper, lower)]
    if any(ignored):
        return not all(ignored)
    return _answers_symmetrically(evaluator, place, upper - upper.mH)


def _answers_symmetrically(evaluator: Evaluator, place: int, turn: Tensor) -> bool:
    """Whether backward gives a symmetric matrix although forward changes along the antisymmetric ``turn``."""
    point = evaluator.point
    outputs = evaluator.forward(point)
    cotangents = draw_cotangents(outputs, evaluator.seed)
    gradient = evaluator.vjp(point, cotangents)[place]
    if gradient is None or not bool(gradient.any()) or not is_symmetric(gradient, COMPUTED):
        return False
    ahead, behind = list(point), list(point)
    ahead[place], behind[place] = point[place] + STEP * turn, point[place] - STEP * turn
    moved = zip(evaluator.forward(ahead), evaluator.forward(behind), strict=True)
    slope = inner(cotangents, [(a - b) / (2 * STEP) for a, b in moved])
    return abs(slope) > NOTICEABLE * size([gradient], [turn])
