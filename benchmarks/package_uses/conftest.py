"""What the scripts of use share: points drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

Draw = Callable[..., torch.Tensor]


@pytest.fixture
def draw() -> Draw:
    """Draw a float64 leaf of the given shape that requires a gradient, or not."""
    generator = torch.Generator().manual_seed(0)

    def of(*shape: int, grad: bool = True, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_(grad)

    return of
