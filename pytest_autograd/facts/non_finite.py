"""Gradients that are NaN or infinite where forward is finite, and NaN that backward swallows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from pytest_autograd.call.declared import placed
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.autograd_reference import reference_gradients
from pytest_autograd.derivatives.contracts_inside import promised_gradients
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import ONE_SIDED_STEPS
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.declarations import declare_where
from pytest_autograd.facts.domains import Domains
from pytest_autograd.facts.numbers import Numbers

MASKED = "with masked (-inf) entries"
LARGE = (30.0, 1e3, 1e6)


@dataclass(frozen=True)
class NonFiniteGradient:
    """An argument whose gradient is not finite at a point where the one-sided slopes of forward are.

    ``doubt``: why callers may never pass such inputs.
    """

    argument: str
    where: str
    index: tuple[int, ...]
    got: float
    doubt: str | None = None


class NonFinite(Facts):
    """Gradients that are NaN or infinite where they need not be, and NaN that does not come through."""

    def __init__(self, subject: Subject, numbers: Numbers, domains: Domains) -> None:
        super().__init__(subject)
        self.numbers, self.domains = numbers, domains

    @fact
    def gradients(self) -> list[NonFiniteGradient]:
        """For each argument the first extreme point where its gradient is wrongly not finite."""
        evaluator = self.numbers.evaluator
        found: dict[str, NonFiniteGradient] = {}
        given = evaluator.forward(evaluator.point)
        for number, (where, drawn) in enumerate(self._points()):
            try:
                point = self._placed(drawn) if number else drawn
                outputs = evaluator.forward(point)
                if not all(bool(torch.isfinite(y).all()) for y in outputs):
                    continue
                if number and all(map(same, given, outputs)):
                    continue  # forward ignores what was changed: a running mean that only backward uses
                cotangents = draw_cotangents(outputs, self.seed)
                gradients = evaluator.vjp(point, cotangents)
            except (
                NotApplicable
            ):  # refused inputs are no fault; a backward that raises has its own rule
                continue
            for i, (name, gradient) in enumerate(zip(evaluator.names, gradients, strict=True)):
                if name not in found and gradient is not None:
                    wrong = _wrongly_not_finite(evaluator, where, point, cotangents, i, gradient)
                    if wrong is not None:
                        doubt = self._doubt(point, cotangents, i) if number else None
                        found[name] = replace(wrong, doubt=doubt)
        return list(found.values())

    def way_out(self, found: NonFiniteGradient) -> str:
        """Return what to declare where such inputs are never passed."""
        return declare_where(self.call, self.domains.likely, [found.argument])

    def _points(self) -> Iterator[tuple[str, list[Tensor]]]:
        points = extreme_points(self.numbers.evaluator.point)
        return islice(points, 1) if self.subject.through is not None else points

    def _placed(self, point: Sequence[Tensor]) -> list[Tensor]:
        """Return a point brought into the declared domains; arguments that are kept are as given."""
        call = self.numbers.evaluator.call
        moved = placed(call.with_values(call.filled(point)), call)
        return [moved.slots[i].value for i in call.differentiated]

    def _doubt(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], place: int
    ) -> str | None:
        """Return why such a point may be none that callers pass, None where nothing speaks for it."""
        evaluator, likely = self.numbers.evaluator, self.domains.likely
        for name, x in zip(evaluator.names, point, strict=True):
            if name in likely and not likely[name].holds(x):
                return f"{name} was given as {likely[name]}"
        if _finite_by_autograd(evaluator, point, cotangents, place) is False:
            return "autograd through forward is not finite there either"
        return None

    @fact
    def at_sample(self) -> str | None:
        """The argument whose gradient at the given inputs is NaN or infinite, where forward need not have a slope."""
        evaluator = self.numbers.evaluator
        ones = [torch.ones_like(y) for y in evaluator.forward(evaluator.point)]
        gradients = evaluator.vjp(evaluator.point, ones)
        for name, gradient in zip(evaluator.names, gradients, strict=True):
            if gradient is not None and not bool(torch.isfinite(gradient).all()):
                return name
        return None

    @fact
    def swallowed(self) -> str | None:
        """The argument whose gradient hides a NaN in the cotangent.

        The NaN is put where the argument's gradient is known to depend on the cotangent.
        """
        evaluator, sample = self.numbers.evaluator, self.numbers.sample
        for o, output in enumerate(sample.outputs):
            if not output.numel():
                continue
            middle = output.numel() // 2
            spoiled = [v.clone() for v in sample.cotangents]
            spoiled[o].reshape(-1)[middle] = float("nan")
            nudged = [v.clone() for v in sample.cotangents]
            nudged[o].reshape(-1)[middle] += 1
            moved = [g if g is None else g.clone() for g in evaluator.vjp(sample.point, nudged)]
            answers = evaluator.vjp(sample.point, spoiled)
            for name, a, b, c in zip(
                evaluator.names, sample.gradients, answers, moved, strict=True
            ):
                if a is None or b is None or c is None:
                    continue
                if not torch.equal(a, c) and not bool(torch.isnan(b).any()):
                    return name
        return None


def extreme_points(point: Sequence[Tensor]) -> Iterator[tuple[str, list[Tensor]]]:
    """Yield (description, point) at and near the ends of what floats can hold."""

    def with_one(i: int, value: Tensor) -> list[Tensor]:
        return [value if j == i else x for j, x in enumerate(point)]

    yield "at the given inputs", list(point)
    yield "at zero", [torch.zeros_like(x) for x in point]
    for i, x in enumerate(point):
        for where, value in _zeroed_or_masked(x, alone=len(point) == 1):
            yield where, with_one(i, value)
    large = [i for i, x in enumerate(point) if x.numel() > 1 or len(point) == 1]
    for size in LARGE:
        for i in large:  # a lone number beside tensors is a parameter with a range of its own
            yield f"at inputs of {size:g}", with_one(i, torch.full_like(point[i], size))
            yield f"at inputs of {-size:g}", with_one(i, torch.full_like(point[i], -size))
            yield f"at inputs around {size:g}", with_one(i, size * torch.sgn(point[i]))


def _zeroed_or_masked(x: Tensor, alone: bool) -> Iterator[tuple[str, Tensor]]:
    if not alone:
        yield "at zero", torch.zeros_like(x)
    if x.dim() > 1:
        row = x.clone()
        row[0] = 0
        yield "with a row of zeros", row
    if x.dim() and x.shape[-1] > 1 and not x.is_complex():
        masked = x.clone()
        masked[..., 0] = -math.inf
        yield MASKED, masked


def _wrongly_not_finite(
    evaluator: Evaluator,
    where: str,
    point: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    slot: int,
    gradient: Tensor,
) -> NonFiniteGradient | None:
    """Return what is not finite in ``gradient`` although forward's one-sided slopes there are."""
    if bool(torch.isfinite(gradient).all()):
        return None
    index = tuple((~torch.isfinite(gradient)).nonzero()[0].tolist())
    if where == MASKED and not _finite_by_autograd(evaluator, point, cotangents, slot):
        return None  # the operation itself has no gradient there
    if not _slopes_are_finite(evaluator, point, cotangents, slot, index):
        return None
    got = gradient[index].item()
    name = evaluator.names[slot]
    return NonFiniteGradient(name, where, index, abs(got) if gradient.is_complex() else got)


def _finite_by_autograd(
    evaluator: Evaluator, point: Sequence[Tensor], cotangents: Sequence[Tensor], slot: int
) -> bool | None:
    """Whether autograd through forward has a finite gradient there, None where it cannot say."""
    call, names = evaluator.call, evaluator.output_names
    try:
        if call.inside:
            gradients = promised_gradients(evaluator, point, cotangents)
        else:
            witness = reference_gradients(call, evaluator.seed, point, cotangents, names)
            gradients = witness.gradients
    except NotApplicable:
        return None
    gradient = gradients[slot]
    return None if gradient is None else bool(torch.isfinite(gradient).all())


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
        coarse, fine = ((value(sign * h) - base) / h for h in ONE_SIDED_STEPS)
        if math.isfinite(coarse) and math.isfinite(fine):
            noise = 1e-15 * abs(base) / ONE_SIDED_STEPS[1]
            sides.append(abs(fine) <= 3 * abs(coarse) + 100 * noise + 1e-6)
    return bool(sides) and all(sides)
