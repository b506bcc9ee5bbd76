"""The domain that a value is likely to live in: a set that no value drawn at random lies in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pytest_autograd.domains.domain import Domain
from pytest_autograd.domains.matrices import (
    lower_triangular,
    orthogonal,
    spd,
    symmetric,
    upper_triangular,
)
from pytest_autograd.domains.numbers import integers, interval, nonnegative, positive
from pytest_autograd.domains.vectors import (
    increasing,
    offsets,
    one_hot,
    permutation,
    simplex,
    unit_norm,
)

MOST = 250_000  # elements that are looked at
FEW = 4  # so many numbers in order, or of one sign, may be so by chance


def structural_domain(value: Tensor) -> Domain | None:
    """Return the narrowest set of measure zero that ``value`` lies in, None if it is in none.

    A constant tensor is no evidence of any, nor is a diagonal matrix, such as an identity for want of a better one.
    """
    if (
        not 0 < value.numel() <= MOST
        or _is_diagonal(value)
        or not bool(torch.isfinite(value).all())
        or bool((value == value.reshape(-1)[0]).all())
    ):
        return None
    return next((domain for domain in _structural(value) if domain.holds(value)), None)


class Range(NamedTuple):
    """Numbers above zero, or also below one."""

    name: str
    most: float

    def inside(self, x: Tensor) -> Tensor:
        """Say of each element whether it lies in the range."""
        return (x > 0) & (x < self.most)


def range_of(value: Tensor) -> Range | None:
    """Return the range that all elements lie in, None where signs differ or the elements are few."""
    if value.is_complex() or value.numel() < FEW or not bool((value > 0).all()):
        return None
    return Range("interval(0, 1)", 1.0) if bool((value < 1).all()) else Range("positive", math.inf)


def suggested_domain(value: Tensor) -> Domain:
    """Return the domain to offer for a value: one that it lies in, the narrowest."""
    found = structural_domain(value)
    if found is not None:
        return found
    if value.is_complex() or not value.numel():
        return unit_norm(-1)
    for domain in (integers(), increasing(-1)):
        if value.shape[-1:].numel() >= FEW and domain.holds(value):
            return domain
    least, most = float(value.min()), float(value.max())
    if least >= 0:
        return interval(0, 1) if most <= 1 else positive if least > 0 else nonnegative
    return interval(math.floor(least), math.ceil(most))


def _structural(value: Tensor) -> Iterator[Domain]:
    if not (value.is_floating_point() or value.is_complex()):
        if value.dim() and value.shape[-1] >= FEW and value.dtype != torch.bool:
            yield from (permutation(-1), offsets)
        return
    if is_square(value):
        yield from (orthogonal, spd, symmetric, lower_triangular, upper_triangular)
    axes = [axis for axis in range(-value.dim(), 0) if value.shape[axis] > 1]
    if value.is_complex():
        yield from (unit_norm(axis) for axis in reversed(axes))
        return
    for axis in reversed(axes):
        yield from (one_hot(axis), simplex(axis), unit_norm(axis))


def is_square(value: Tensor) -> bool:
    """Whether the last two axes hold square matrices that are no single numbers."""
    return value.dim() > 1 and value.shape[-1] == value.shape[-2] > 1


def _is_diagonal(value: Tensor) -> bool:
    return is_square(value) and bool((value == value.tril().triu()).all())
