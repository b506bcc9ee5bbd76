"""Sets that arguments live in, for the option ``domain=``."""

from pytest_autograd.domains.domain import Domain
from pytest_autograd.domains.matrices import (
    contraction,
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

__all__ = [
    "Domain",
    "contraction",
    "increasing",
    "integers",
    "interval",
    "lower_triangular",
    "nonnegative",
    "offsets",
    "one_hot",
    "orthogonal",
    "permutation",
    "positive",
    "simplex",
    "spd",
    "symmetric",
    "unit_norm",
    "upper_triangular",
]
