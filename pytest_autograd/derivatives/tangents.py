"""Tangents and cotangents: how they are drawn, and how they pair."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

JITTER = 0.01  # of its own scale, by which a point is moved to get off a kink


def inner(left: Sequence[Tensor | None], right: Sequence[Tensor]) -> float:
    """Return ``sum Re(conj(left) * right)``, None counting as zero: the pairing of cotangents and tangents."""
    return sum(
        float(_products(a, b).sum()) for a, b in zip(left, right, strict=True) if a is not None
    )


def size(left: Sequence[Tensor | None], right: Sequence[Tensor]) -> float:
    """Return the root of the summed squares of the element-wise products: the typical size of ``inner``."""
    pairs = zip(left, right, strict=True)
    total = sum(
        float((_flat(a) * _flat(b)).abs().square().sum()) for a, b in pairs if a is not None
    )
    return total**0.5


def _products(left: Tensor, right: Tensor) -> Tensor:
    """Return ``Re(conj(left) * right)`` element by element, as a float64 vector."""
    if left.is_complex() or right.is_complex():
        return (_flat(left).conj() * _flat(right)).real
    return _flat(left) * _flat(right)


def _flat(tensor: Tensor) -> Tensor:
    kind = torch.complex128 if tensor.is_complex() else torch.float64
    return tensor.detach().to(kind).reshape(-1)


def signed_bounded(like: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Draw a random sign times uniform[0.5, 1.5] for each element: no dead coordinate, no exact cancellation."""

    def draw(tensor: Tensor) -> Tensor:
        uniform = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
        sign = torch.randint(0, 2, tensor.shape, generator=generator) * 2 - 1
        return (uniform + 0.5) * sign

    drawn = []
    for tensor in like:
        value = torch.complex(draw(tensor), draw(tensor)) if tensor.is_complex() else draw(tensor)
        drawn.append(value.to(dtype=tensor.dtype, device=tensor.device))
    return drawn


def direction(point: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Draw a direction in the scale of the point, so that steps suit large and small inputs alike."""
    return [
        u * _step_scale(x) for u, x in zip(signed_bounded(point, generator), point, strict=True)
    ]


def _step_scale(x: Tensor) -> Tensor:
    magnitude = x.abs()
    if not x.numel():
        return magnitude
    finite = torch.isfinite(magnitude)
    if not bool(finite.all()):  # masked entries stay where they are
        known = _step_scale(magnitude[finite])
        return torch.zeros_like(magnitude).masked_scatter(finite, known)
    typical = magnitude.square().mean().sqrt().clamp(1e-2, 1.0)
    return torch.maximum(magnitude, typical)


def draw_cotangents(outputs: Sequence[Tensor], seed: int) -> list[Tensor]:
    """Draw a cotangent for each output, the same ones for the same seed."""
    return signed_bounded(outputs, torch.Generator().manual_seed(seed))


def beside(point: Sequence[Tensor], by: float, generator: torch.Generator) -> list[Tensor]:
    """Return a point beside the given one: ``by`` times a direction in its scale away."""
    moves = direction(point, generator)
    return [x + by * move for x, move in zip(point, moves, strict=True)]
