"""Gradients that are held far out, on purpose: clamped above a limit, or where forward is kept off a singularity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.verdicts import ArgumentVerdict, FirstOrder, Trial
from pytest_autograd.errors import NotApplicable

FURTHER = 1.5
BISECTIONS = 30
HALF, CLOSE = 0.5, 0.01
STEEP = 100.0
SAME = 1e-9

CLAMPED = (
    "far out the gradient is held at a limit that it reaches smoothly, as by a clamp on purpose"
)
SINGULAR = "forward is flat there and the gradient held at its steepest, as near a singularity"


def why_held(
    evaluator: Evaluator, given: Sequence[Tensor], values: FirstOrder, argument: ArgumentVerdict
) -> str | None:
    """Say how the gradient of an argument is held where it is wrong, outside the values of the ``given`` point."""
    trial = values.trial_of(argument)
    want, got = argument.expected, argument.got
    if trial is None or want is None or got is None or want.is_complex():
        return None
    place = values.names.index(argument.name)
    x, inside = trial.point[place], given[place]
    if x.shape != inside.shape:
        return None
    wrong = (want - got).abs() > argument.tolerance * want.abs().max().clamp_min(got.abs().max())
    outside = (x < inside.min()) | (x > inside.max())
    if not bool(wrong.any()) or bool((wrong & ~outside).any()) or bool((got[wrong] == 0).any()):
        return None
    try:
        here, further = (
            _gradient(evaluator, trial, place, point)
            for point in (inside, torch.where(wrong, FURTHER * x, x))
        )
        if not _same(further[wrong], got[wrong]):
            return None
        if bool((want[wrong] == 0).all()) and bool((got.abs() > STEEP * here.abs())[wrong].all()):
            return SINGULAR
        smaller = bool((got.abs() <= want.abs())[wrong].all())
        return CLAMPED if smaller and _rises(evaluator, trial, place, inside, wrong, got) else None
    except NotApplicable:
        return None


def _rises(
    evaluator: Evaluator, trial: Trial, place: int, inside: Tensor, wrong: Tensor, limit: Tensor
) -> bool:
    """Whether on the way out the gradient goes through half of its limit, and does not jump over it."""
    x = trial.point[place]
    low, high = torch.zeros_like(x), torch.ones_like(x)
    part = torch.zeros_like(x)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        part = _gradient(evaluator, trial, place, torch.lerp(inside, x, middle)) / limit
        low, high = torch.where(part < HALF, middle, low), torch.where(part < HALF, high, middle)
    return bool(((part - HALF).abs() < CLOSE)[wrong & (low > 0)].any())


def _gradient(evaluator: Evaluator, trial: Trial, place: int, value: Tensor) -> Tensor:
    point = [*trial.point[:place], value, *trial.point[place + 1 :]]
    gradient = evaluator.vjp(point, trial.cotangents)[place]
    return torch.zeros_like(value) if gradient is None else gradient


def _same(one: Tensor, other: Tensor) -> bool:
    return bool(((one - other).abs() <= SAME * other.abs()).all())
