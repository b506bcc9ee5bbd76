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
from pytest_autograd.derivatives.finite_differences import FunctionAlongLine, Samples
from pytest_autograd.derivatives.oracle import GradientOracle
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
    second derivative is wrong. ``along``: wrong as a function of all elements, and right within the sets
    that arguments were given in.
    """

    status: Literal["ok", "wrong", "along", "raises", "no-history", "constant", "unresolved"]
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
        gradient = _Gradient(self.evaluator, point, cotangents, self.generator, self.precision)
        try:
            parts = self.evaluator.double_vjp(point, cotangents, gradient.weights)
        except NoHistory:
            return self._without_history(gradient.judged(None, range(len(point))))
        except TargetRaised as raised:
            return SecondOrder("raises", error=raised.error)
        claimed = [*parts[0], *parts[1]]
        whole = gradient.judged(claimed, range(len(claimed)))
        if whole.status == "ok":
            return SecondOrder("ok", judgement=whole)
        if whole.status != "wrong":
            return SecondOrder("unresolved", judgement=whole)
        names = [*self.evaluator.names, *("grad_output" for _ in cotangents)]
        blamed = [
            name for i, name in enumerate(names) if gradient.judged(claimed, [i]).status == "wrong"
        ]
        return SecondOrder("wrong", tuple(dict.fromkeys(blamed)), judgement=whole)

    @staticmethod
    def _without_history(by_inputs: Judgement) -> SecondOrder:
        """Tell a gradient that lost its graph from one that does not depend on the inputs at all."""
        if by_inputs.status == "ok":
            return SecondOrder("constant", judgement=by_inputs)
        status = "no-history" if by_inputs.status == "wrong" else "unresolved"
        return SecondOrder(status, judgement=by_inputs)


class _Gradient:
    """The first gradient as a function of inputs and cotangents, weighted, along a direction over both."""

    def __init__(
        self,
        evaluator: GradientOracle,
        point: list[Tensor],
        cotangents: list[Tensor],
        generator: torch.Generator,
        precision: float,
    ) -> None:
        self.evaluator, self.split, self.precision = evaluator, len(point), precision
        self.here = evaluator.vjp(point, cotangents)
        self.shapes = [x if g is None else g for x, g in zip(point, self.here, strict=True)]
        self.weights = signed_bounded(self.shapes, generator)
        self.variables = [*point, *cotangents]
        self.along = [*direction(point, generator), *signed_bounded(cotangents, generator)]

    def judged(self, claimed: MaybeTensors | None, moving: Sequence[int]) -> Judgement:
        """Judge what double backward claimed, by the variables that move; None claims zero."""
        along = [u if i in moving else torch.zeros_like(u) for i, u in enumerate(self.along)]
        samples = Samples(self._at, self.variables, along, self.shapes, self.here)
        line = FunctionAlongLine(samples, self.weights, self.precision)
        given = [None] * len(along) if claimed is None else claimed
        kept = [g if i in moving else None for i, g in enumerate(given)]
        what = inner(kept, along), size(kept, along), size(kept, self.variables)
        verdict = judge(line, *what)
        if verdict.status == "ok":
            return verdict
        precision = max(self.precision, measured_precision(line))
        return judge(FunctionAlongLine(samples, self.weights, precision), *what)

    def _at(self, values: Sequence[Tensor]) -> Sequence[Tensor | None]:
        return self.evaluator.vjp(values[: self.split], values[self.split :])
