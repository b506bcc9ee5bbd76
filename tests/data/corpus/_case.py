"""What a corpus entry is, and the random inputs that the entries share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch


class Case(NamedTuple):
    """A right target, the arguments to check it with, and the options that its contract needs."""

    target: Any
    inputs: Callable[[], tuple]
    options: Mapping[str, Any] = MappingProxyType({})


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return standard normal values that want a gradient."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=dtype, generator=draw, requires_grad=True)


def positive(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return values between 0.5 and 1.5 that want a gradient."""
    draw = torch.Generator().manual_seed(seed)
    values = torch.rand(shape, dtype=torch.float64, generator=draw) + 0.5
    return values.requires_grad_()
