"""Domains of vectors along one axis: weights, directions, sorted numbers, choices, segments."""

from __future__ import annotations

import torch
from torch import Tensor

from pytest_autograd.domains.domain import Domain

GAP = 1e-2


def simplex(dim: int = -1) -> Domain:
    """Weights along ``dim``: none is negative, and they sum to 1."""

    def normalised(x: Tensor) -> Tensor:
        weights = x.abs()
        total = weights.sum(dim, keepdim=True)
        return torch.where(
            total == 0, 1 / x.shape[dim], weights / torch.where(total == 0, 1, total)
        )

    return Domain(f"simplex({dim})", normalised, normalised)


def unit_norm(dim: int = -1) -> Domain:
    """Vectors along ``dim`` of Euclidean length 1."""

    def normalised(x: Tensor) -> Tensor:
        squared = (x * x.conj()).real.sum(dim, keepdim=True)
        none = squared == 0
        length = torch.where(none, 1, squared).sqrt()
        return torch.where(none, x.shape[dim] ** -0.5, x / length)

    return Domain(f"unit_norm({dim})", normalised, normalised)


def increasing(dim: int = -1) -> Domain:
    """Numbers along ``dim`` of which each is greater than the one before."""

    def apart(x: Tensor) -> Tensor:
        ordered = x.sort(dim).values
        if ordered.shape[dim] < 2:
            return ordered
        spread = ordered.abs().amax(dim, keepdim=True).clamp_min(1.0)
        steps = ordered.diff(dim=dim).maximum(GAP * spread)
        return torch.cat([ordered.narrow(dim, 0, 1), steps], dim).cumsum(dim)

    def ordered(x: Tensor) -> Tensor:
        return x.sort(dim).values

    return Domain(f"increasing({dim})", apart, ordered)


def one_hot(dim: int = -1) -> Domain:
    """A one at one place along ``dim`` and zeros elsewhere."""

    def nearest(x: Tensor) -> Tensor:
        return torch.zeros_like(x).scatter_(dim, x.argmax(dim, keepdim=True), 1)

    return Domain(f"one_hot({dim})", nearest)


def permutation(dim: int = -1) -> Domain:
    """Each of the numbers 0, 1, ..., n - 1 once along ``dim``."""

    def nearest(x: Tensor) -> Tensor:
        return x.argsort(dim=dim, stable=True).argsort(dim=dim).to(x.dtype)

    return Domain(f"permutation({dim})", nearest)


def _offsets(x: Tensor) -> Tensor:
    whole = x.round() if x.is_floating_point() else x
    steps = whole.diff(dim=-1).clamp_min(0)
    return torch.cat([torch.zeros_like(whole[..., :1]), steps.cumsum(-1)], -1)


#: Where segments begin, and where the last one ends: from 0, never falling.
offsets = Domain("offsets", _offsets)
