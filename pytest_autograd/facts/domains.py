"""Where arguments live: as declared, or as the code takes them, and the call that keeps them there.

A Cholesky factor or an eigenvalue of a symmetric matrix has a gradient along symmetric changes only, and by convention
that gradient is symmetric too; as a function of single entries it would be called wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from pytest_autograd.call.call import Call
from pytest_autograd.call.declared import along
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.finite_differences import EPS
from pytest_autograd.derivatives.tangents import draw_cotangents, inner, size
from pytest_autograd.domains.domain import Domain
from pytest_autograd.domains.likely import is_square, structural_domain
from pytest_autograd.domains.matrices import (
    contraction,
    lower_triangular,
    symmetric,
    upper_triangular,
)
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.places import has_loop

#: The weight of a loop that converges.
SOLVED = contraction(1.0)
NOISE, STEP = 0.1, 1e-5
NOTICEABLE = 1e-6
COMPUTED = 1e-9  # rounding of a computed gradient


class Domains(Facts):
    """Which arguments live in a set, as declared, and which are taken to."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._likely: dict[str, Domain] | None = None

    @property
    def likely(self) -> dict[str, Domain]:
        """By argument, the set of measure zero that its given value lies in, where none is declared.

        This is no fact: it runs nothing, and verdicts ask for it when time is over.
        """
        if self._likely is None:
            slots = [
                slot for slot in self.call.slots if slot.domain is None and slot.shared is None
            ]
            found = {slot.name: self._structural(slot.value) for slot in slots}
            self._likely = {name: domain for name, domain in found.items() if domain is not None}
        return self._likely

    def _structural(self, value: Tensor) -> Domain | None:
        found = structural_domain(value)
        if found is not None or self.call.function is None or not is_square(value):
            return found
        return SOLVED if has_loop(self.call.function.forward) and SOLVED.holds(value) else None

    @fact
    def taken_for(self) -> dict[str, Domain]:
        """By argument, the linear set that the code takes it to live in: symmetric or triangular matrices.

        Empty where forward or backward raises.
        """
        call = self.call
        candidates = {i: _linear_domain(call.slots[i].value) for i in call.freezable}
        evaluator = Evaluator(along(call.widened()), self.seed)
        try:
            return {
                call.slots[i].name: domain
                for i, domain in candidates.items()
                if domain is not None
                and call.slots[i].domain is None
                and _taken_for(domain, evaluator, call.differentiated.index(i))
            }
        except NotApplicable:
            return {}

    @property
    def constrained(self) -> Call:
        """The call whose arguments are brought into their domains, declared or taken for, on their way in."""
        return along(living_in(self.call, self.taken_for))


def living_in(call: Call, domains: Mapping[str, Domain]) -> Call:
    """Return the call with further domains, of arguments that have none."""
    slots = (replace(slot, domain=slot.domain or domains.get(slot.name)) for slot in call.slots)
    return replace(call, slots=tuple(slots)) if domains else call


def _linear_domain(value: Tensor) -> Domain | None:
    if is_symmetric(value):
        return symmetric
    for domain in (lower_triangular, upper_triangular):
        if is_square(value) and domain.holds(value) and bool(value.any()):
            return domain
    return None


def is_symmetric(value: Tensor, rounding: float = 16 * EPS) -> bool:
    """Whether the last two axes hold symmetric (Hermitian) matrices, to ``rounding`` relative to the largest entry."""
    if not is_square(value) or not value.numel():
        return False
    if value.dtype not in (torch.float64, torch.complex128):
        rounding = max(rounding, 1e-6)
    return bool((value - value.mH).abs().max() <= rounding * value.abs().max())


def _taken_for(domain: Domain, evaluator: Evaluator, place: int) -> bool:
    value = evaluator.point[place]
    drawn = torch.rand(value.shape, generator=torch.Generator().manual_seed(evaluator.seed))
    noise = NOISE * drawn.to(value.device, value.dtype) * value.abs().max()
    upper, lower = noise.triu(1), noise.tril(-1)
    if domain is not symmetric:
        outside = upper if domain is lower_triangular else lower
        return _answers_inside(domain, evaluator, place, outside)

    def at(change: Tensor) -> list[Tensor]:
        point = evaluator.point
        point[place] = value + change
        return evaluator.forward(point)

    plain = at(torch.zeros_like(value))
    ignored = [all(map(same, plain, at(triangle))) for triangle in (upper, lower)]
    if any(ignored):
        return not all(ignored)
    return _answers_inside(domain, evaluator, place, upper - upper.mH)


def _answers_inside(domain: Domain, evaluator: Evaluator, place: int, outward: Tensor) -> bool:
    """Whether backward's gradient lies in the linear ``domain`` although forward changes along ``outward``."""
    point = evaluator.point
    outputs = evaluator.forward(point)
    cotangents = draw_cotangents(outputs, evaluator.seed)
    gradient = evaluator.vjp(point, cotangents)[place]
    if gradient is None or not bool(gradient.any()) or domain.distance(gradient) > COMPUTED:
        return False
    ahead, behind = list(point), list(point)
    ahead[place], behind[place] = point[place] + STEP * outward, point[place] - STEP * outward
    moved = zip(evaluator.forward(ahead), evaluator.forward(behind), strict=True)
    slope = inner(cotangents, [(a - b) / (2 * STEP) for a, b in moved])
    return abs(slope) > NOTICEABLE * size([gradient], [outward])
