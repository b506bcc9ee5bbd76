"""Backward is linear in grad_output: the laws that it may break."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pytest_autograd.derivatives.compare import MaybeTensors, apart, largest
from pytest_autograd.derivatives.oracle import GradientOracle
from pytest_autograd.derivatives.tangents import signed_bounded
from pytest_autograd.derivatives.verdicts import NOISE

LINEAR_RTOL = 0.02  # rounding in a bfloat16 backward is no nonlinearity
LARGE = 1000.0


@dataclass(frozen=True)
class Nonlinearity:
    """How backward breaks linearity in grad_output: the argument, by how much, and which law."""

    argument: str
    error: float
    law: str


LAWS = (
    ("a term does not depend on it: B(0) is not 0", 0.0, 0.0),
    ("B(2.5 g - 1.5 h) is not 2.5 B(g) - 1.5 B(h)", 2.5, -1.5),
    ("B(-g) is not -B(g)", -1.0, 0.0),
    ("B(1000 g) is not 1000 B(g)", LARGE, 0.0),
)


def nonlinearities(evaluator: GradientOracle, seed: int, precision: float) -> list[Nonlinearity]:
    """Return for each argument the first law of linearity in grad_output that backward breaks.

    A gradient that ignores grad_output altogether is left to the judge of values.
    """
    point, names = evaluator.point, evaluator.names
    generator = torch.Generator().manual_seed(seed)
    outputs = evaluator.forward(point)
    one, other = (signed_bounded(outputs, generator) for _ in range(2))
    several = [one, other, *(_combined(a, one, b, other) for _, a, b in LAWS)]
    tolerance = max(LINEAR_RTOL, 50 * precision)
    broken = _broken(names, evaluator.vjps(point, several), tolerance)
    if broken:  # each on a graph of its own: one that served before may be to blame
        broken = _broken(names, [evaluator.vjp(point, v) for v in several], tolerance)
    return broken


def _broken(
    names: Sequence[str], given: Sequence[MaybeTensors], tolerance: float
) -> list[Nonlinearity]:
    first, second, *answers = given
    ignoring = {name for name, a, b in zip(names, first, second, strict=True) if apart(a, b) == 0}
    found: dict[str, Nonlinearity] = {}
    for (law, a, b), answer in zip(LAWS, answers, strict=True):
        expected = _combined(a, first, b, second)
        floor = NOISE / tolerance * largest([*first, *expected])
        for name, want, got in zip(names, expected, answer, strict=True):
            error = apart(want, got, floor)
            if name not in found and name not in ignoring and error > tolerance:
                found[name] = Nonlinearity(name, error, law)
    return list(found.values())


def _combined(a: float, x: Sequence[Any], b: float, y: Sequence[Any]) -> list[Any]:
    return [None if p is None else a * p + b * q for p, q in zip(x, y, strict=True)]
