"""What a failure mode is: a Function with one fault, a call of it, and what the check must say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
FULL: Mapping[str, Any] = MappingProxyType({"level": "full"})


class Mode(NamedTuple):
    """A target, the arguments to check it with, and the codes it must give: one error at most.

    ``error`` is None for what is harmless or no fault of the Function. ``warnings`` are all codes at that severity;
    ``notes`` those that must be among the notes. ``options`` are those of ``check``, on top of ``level="quick"``.
    ``confirmed``: False where there is nothing that a check could compare.
    """

    target: Any
    inputs: Callable[[], tuple]
    error: str | None = None
    warnings: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()
    options: Mapping[str, Any] = NO_OPTIONS
    confirmed: bool = True

    @property
    def codes(self) -> set[str]:
        """The codes above a note."""
        return ({self.error} if self.error else set()) | self.warnings

    @property
    def verdict(self) -> str:
        """The verdict that is due."""
        return "failed" if self.error else "verified" if self.confirmed else "inconclusive"


class Gap(NamedTuple):
    """A fault that no rule sees, pinned by a Function that passes, with the reason."""

    target: Any
    inputs: Callable[[], tuple]
    reason: str


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return standard normal values that want a gradient."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=dtype, generator=draw, requires_grad=True)


def vector() -> tuple[torch.Tensor]:
    """Return the arguments of a Function of one vector."""
    return (normal(5),)


def matrix() -> tuple[torch.Tensor]:
    """Return the arguments of a Function of one matrix."""
    return (normal(3, 4),)


def two_vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """Return the arguments of a Function of two vectors."""
    return normal(5), normal(5, seed=1)


def two_matrices() -> tuple[torch.Tensor, torch.Tensor]:
    """Return the arguments of a Function of two square matrices."""
    return normal(3, 3), normal(3, 3, seed=1)
