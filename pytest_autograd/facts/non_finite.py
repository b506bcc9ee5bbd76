"""Gradients that are NaN or infinite where forward is finite, and NaN that backward swallows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.autograd_reference import reference_gradients
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.errors import NotApplicable

MASKED = "with masked (-inf) entries"
LARGE = (30.0, 1e3, 1e6)
STEPS = (1e-4, 1e-6)


@dataclass(frozen=True)
class NonFinite:
    """An argument whose gradient is not finite at a point where the one-sided slopes of forward are."""

    argument: str
    where: str
    index: tuple[int, ...]
    got: float


def extreme_points(point: Sequence[Tensor]) -> Iterator[tuple[str, list[Tensor]]]:
    """Yield (description, point) at and near the ends of what floats can hold."""
    yield "at the given inputs", list(point)
    yield "at zero", [torch.zeros_like(x) for x in point]
    for i, x in enumerate(point):
        if len(point) > 1:
            yield "at zero", [torch.zeros_like(x) if j == i else y for j, y in enumerate(point)]
        if x.dim() > 1:
            row = x.clone()
            row[0] = 0
            yield "with a row of zeros", [row if j == i else y for j, y in enumerate(point)]
        if x.dim() and x.shape[-1] > 1 and not x.is_complex():
            masked = x.clone()
            masked[..., 0] = -math.inf
            yield (
                "with masked (-inf) entries",
                [masked if j == i else y for j, y in enumerate(point)],
            )
    large = [i for i, x in enumerate(point) if x.numel() > 1 or len(point) == 1]
    for size in LARGE:
        for i in large:  # a lone number beside tensors is a parameter with a range of its own
            for where, value in (
                (f"at inputs of {size:g}", torch.full_like(point[i], size)),
                (f"at inputs of {-size:g}", torch.full_like(point[i], -size)),
                (f"at inputs around {size:g}", size * torch.sgn(point[i])),
            ):
                yield where, [value if j == i else x for j, x in enumerate(point)]


def non_finite_gradients(evaluator: Evaluator, seed: int) -> list[NonFinite]:
    """Return for each argument the first extreme point where its gradient is wrongly not finite."""
    found: dict[str, NonFinite] = {}
    given = evaluator.forward(evaluator.point)
    for number, (where, point) in enumerate(extreme_points(evaluator.point)):
        try:
            outputs = evaluator.forward(point)
            if not all(bool(torch.isfinite(y).all()) for y in outputs):
                continue
            if number and all(map(same, given, outputs)):
                continue  # forward ignores what was changed: a running mean that only backward uses
            cotangents = draw_cotangents(outputs, seed)
            gradients = evaluator.vjp(point, cotangents)
        except (
            NotApplicable
        ):  # refused inputs are no fault; a backward that raises has its own rule
            continue
        for i, (name, gradient) in enumerate(zip(evaluator.names, gradients, strict=True)):
            if name in found or gradient is None or bool(torch.isfinite(gradient).all()):
                continue
            index = tuple((~torch.isfinite(gradient)).nonzero()[0].tolist())
            if where == MASKED and not _autograd_is_finite(evaluator, point, cotangents, i):
                continue  # the operation itself has no gradient there
            if _slopes_are_finite(evaluator, point, cotangents, i, index):
                got = gradient[index].item()
                found[name] = NonFinite(
                    name, where, index, abs(got) if gradient.is_complex() else got
                )
    return list(found.values())


def _autograd_is_finite(
    evaluator: Evaluator, point: Sequence[Tensor], cotangents: Sequence[Tensor], slot: int
) -> bool:
    names = evaluator.output_names
    try:
        witness = reference_gradients(evaluator.call, evaluator.seed, point, cotangents, names)
    except NotApplicable:
        return False
    gradient = witness.gradients[slot]
    return gradient is not None and bool(torch.isfinite(gradient).all())


def _slopes_are_finite(
    evaluator: Evaluator,
    point: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    slot: int,
    index: tuple[int, ...],
) -> bool:
    """Whether forward has finite one-sided slopes in one element: they stay bounded as the step shrinks."""
    magnitude = float(point[slot][index].abs())
    unit = max(1.0, magnitude) if math.isfinite(magnitude) else 1.0

    def value(t: float) -> float:
        moved = [x.clone() for x in point]
        moved[slot][index] += t * unit
        outputs = evaluator.forward(moved)
        pairs = zip(cotangents, outputs, strict=True)
        return sum(
            float((v.conj() * y).real.sum() if y.is_complex() else (v * y).sum()) for v, y in pairs
        )

    base = value(0.0)
    sides = []
    for sign in (1.0, -1.0):
        coarse, fine = ((value(sign * h) - base) / h for h in STEPS)
        if math.isfinite(coarse) and math.isfinite(fine):
            noise = 1e-15 * abs(base) / STEPS[1]
            sides.append(abs(fine) <= 3 * abs(coarse) + 100 * noise + 1e-6)
    return bool(sides) and all(sides)


def swallowed_nan(evaluator: Evaluator, seed: int) -> str | None:
    """Return the argument whose gradient hides a NaN in the cotangent, None if all let it through.

    The NaN is put where the argument's gradient is known to depend on the cotangent.
    """
    point = evaluator.point
    outputs = evaluator.forward(point)
    cotangents = draw_cotangents(outputs, seed)
    plain = evaluator.vjp(point, cotangents)
    for o, output in enumerate(outputs):
        if not output.numel():
            continue
        spoiled = [v.clone() for v in cotangents]
        spoiled[o].reshape(-1)[output.numel() // 2] = float("nan")
        nudged = [v.clone() for v in cotangents]
        nudged[o].reshape(-1)[output.numel() // 2] += 1
        answers = evaluator.vjp(point, spoiled)
        moved = evaluator.vjp(point, nudged)
        for name, a, b, c in zip(evaluator.names, plain, answers, moved, strict=True):
            if a is None or b is None or c is None:
                continue
            if not torch.equal(a, c) and not bool(torch.isnan(b).any()):
                return name
    return None
