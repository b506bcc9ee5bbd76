"""What a domain is: a set of tensors, and two maps into it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pytest_autograd.errors import NotApplicable, first_line

Map = Callable[[Tensor], Tensor]
ROUNDING = 100  # in units of the dtype's epsilon, by which a tensor of the set may miss it


@dataclass(frozen=True)
class Domain:
    """A set that an argument lives in.

    ``name`` is what one writes to name it. ``nearest`` maps any tensor into the set, off its rim where functions may
    have no value there. ``retract`` is the differentiable map along which gradients are compared: the identity on the
    set, and what lies near the set it brings back; None where the set is discrete, so that nothing moves in it.
    ``fixing`` is a map that leaves alone what is in the set and nothing else, where ``retract`` does not.
    """

    name: str
    nearest: Map
    retract: Map | None = None
    fixing: Map | None = None

    def __str__(self) -> str:
        return self.name

    def distance(self, value: Tensor) -> float:
        """Return how far ``value`` is from the set, beside its largest element."""
        given = wide(value.detach())
        moved = (self.fixing or self.retract or self.nearest)(given)
        if moved.shape != given.shape:
            return math.inf
        if not given.numel():
            return 0.0
        scale = float(given.abs().max())
        return float((moved - given).abs().max()) / (scale or 1.0)

    def holds(self, value: Tensor) -> bool:
        """Whether ``value`` lies in the set, but for the rounding of its dtype."""
        kind = value.dtype
        precision = torch.finfo(kind).eps if kind.is_floating_point or kind.is_complex else 0.0
        return self.distance(value) <= ROUNDING * precision

    def place(self, value: Tensor) -> Tensor:
        """Return what is nearest to ``value`` in the set, off its rim.

        Raises:
            NotApplicable: there is nothing of that shape in the set.
        """
        try:
            nearest = self.nearest(wide(value.detach())).to(value.dtype)
        except (RuntimeError, ValueError, IndexError) as error:
            reason = f"{self.name} has nothing of shape {list(value.shape)}: {first_line(error)}"
            raise NotApplicable(reason) from error
        if nearest.shape != value.shape:
            raise NotApplicable(f"{self.name} changes the shape {list(value.shape)}")
        return nearest

    def along(self, value: Tensor) -> Tensor:
        """Return ``value`` brought into the set by the differentiable map, in its own dtype."""
        if self.retract is None:
            return value
        return self.retract(wide(value)).to(value.dtype)


def declaration(domains: Mapping[str, Domain]) -> str:
    """Return the option to paste: ``{"p": simplex(-1)}``."""
    pairs = (f'"{name}": {domain}' for name, domain in domains.items())
    return "{" + ", ".join(pairs) + "}"


def wide(value: Tensor) -> Tensor:
    """Return ``value`` in the widest dtype of its kind."""
    if value.is_complex():
        return value.to(torch.complex128)
    return value.to(torch.float64) if value.is_floating_point() else value
