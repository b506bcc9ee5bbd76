"""Second derivatives: is the derivative of backward's answer what autograd makes of it?

The same judge as for the first order, with the VJP in forward's place: for weights ``w`` and a direction ``(u, r)``
over inputs and cotangents, ``d/dt <w, vjp(x + t u, v + t r)>`` must equal what double backward gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pytest_autograd.derivatives.compare import MaybeTensors
from pytest_autograd.derivatives.directional_test import Judgement, judge
from pytest_autograd.derivatives.evaluator import GradientOracle
from pytest_autograd.derivatives.finite_differences import FunctionAlongLine, Samples
from pytest_autograd.derivatives.precision import measured_precision
from pytest_autograd.derivatives.tangents import (
    JITTER,
    beside,
    direction,
    inner,
    signed_bounded,
    size,
)
from pytest_autograd.errors import TargetRaised
from pytest_autograd.running.author_code import NoHistory

RETRIES = 3


@dataclass(frozen=True)
class SecondOrder:
    """What is known of the second derivatives.

    ``status``: ``constant`` when there is no second derivative and none is due, ``no-history`` when there should be
    one and the first gradient has no graph. ``blamed`` names the arguments (``grad_output`` for cotangents) whose
    second derivative is wrong.
    """

    status: Literal["ok", "wrong", "raises", "no-history", "constant", "unresolved"]
    blamed: tuple[str, ...] = ()
    error: Exception | None = None
    judgement: Judgement | None = None


class SecondOrderJudge:
    """Judges the second derivatives of one evaluator at its own point, or beside it if that is a kink."""

    def __init__(self, evaluator: GradientOracle, seed: int, precision: float) -> None:
        self.evaluator, self.precision = evaluator, precision
        self.generator = torch.Generator().manual_seed(seed)

    def verify(self) -> SecondOrder:
        """Return the verdict, trying points beside the given one where that one is a kink."""
        point = list(self.evaluator.point)
        result = self._at(point)
        for _ in range(RETRIES):
            if result.status != "unresolved":
                break
            result = self._at(beside(point, JITTER, self.generator))
        return result

    def _at(self, point: list[Tensor]) -> SecondOrder:
        cotangents = signed_bounded(self.evaluator.forward(point), self.generator)
        first = self.evaluator.vjp(point, cotangents)
        shapes = [x if g is None else g for x, g in zip(point, first, strict=True)]
        weights = signed_bounded(shapes, self.generator)
        variables = [*point, *cotangents]
        along = [*direction(point, self.generator), *signed_bounded(cotangents, self.generator)]
        try:
            parts = self.evaluator.double_vjp(point, cotangents, weights)
            claimed: MaybeTensors | None = [*parts[0], *parts[1]]
        except NoHistory:
            claimed = None
        except TargetRaised as raised:
            return SecondOrder("raises", error=raised.error)
        split = len(point)

        def first_gradient(values: Sequence[Tensor]) -> Sequence[Tensor | None]:
            return self.evaluator.vjp(values[:split], values[split:])

        def judged(moving: Sequence[int]) -> Judgement:
            restricted = [u if i in moving else torch.zeros_like(u) for i, u in enumerate(along)]
            path = Samples(first_gradient, variables, restricted, shapes, first)
            line = FunctionAlongLine(path, weights, self.precision)
            given = [None] * len(variables) if claimed is None else claimed
            kept = [g if i in moving else None for i, g in enumerate(given)]
            what = inner(kept, restricted), size(kept, restricted), size(kept, variables)
            verdict = judge(line, *what)
            if verdict.status == "ok":
                return verdict
            precision = max(self.precision, measured_precision(line))
            return judge(FunctionAlongLine(path, weights, precision), *what)

        if claimed is None:
            return self._without_history(judged(range(split)))
        whole = judged(range(len(variables)))
        if whole.status == "ok":
            return SecondOrder("ok", judgement=whole)
        if whole.status != "wrong":
            return SecondOrder("unresolved", judgement=whole)
        names = [*self.evaluator.names, *("grad_output" for _ in cotangents)]
        blamed = [name for i, name in enumerate(names) if judged([i]).status == "wrong"]
        return SecondOrder("wrong", tuple(dict.fromkeys(blamed)), judgement=whole)

    @staticmethod
    def _without_history(by_inputs: Judgement) -> SecondOrder:
        """Tell a gradient that lost its graph from one that does not depend on the inputs at all."""
        if by_inputs.status == "ok":
            return SecondOrder("constant", judgement=by_inputs)
        status = "no-history" if by_inputs.status == "wrong" else "unresolved"
        return SecondOrder(status, judgement=by_inputs)
