"""Domains of matrices in the last two axes."""

from __future__ import annotations

import torch
from torch import Tensor

from pytest_autograd.domains.domain import Domain
from pytest_autograd.errors import CheckError

FLOOR = 1e-2  # least eigenvalue beside the largest
POLAR_STEPS = 12
INSIDE = 0.9


def _symmetric(x: Tensor) -> Tensor:
    return (x + x.mH) / 2


def _positive_definite(x: Tensor) -> Tensor:
    """Return the symmetric part with eigenvalues mirrored at zero, the least no smaller than a share of the largest."""
    values, vectors = torch.linalg.eigh(_symmetric(x))
    values = values.abs()
    most = values.amax(-1, keepdim=True)
    values = values.maximum(FLOOR * torch.where(most == 0, 1, most))
    return _symmetric((vectors * values.unsqueeze(-2)) @ vectors.mH)


def _definite_nearby(x: Tensor) -> Tensor:
    """Return the symmetric part, which is positive definite beside such a matrix; far off its eigenvalues are moved."""
    part = _symmetric(x)
    broken = torch.linalg.cholesky_ex(part.detach()).info != 0
    return _positive_definite(x) if bool(broken.any()) else part


def _orthonormal(x: Tensor) -> Tensor:
    left, _, right = torch.linalg.svd(x, full_matrices=False)
    return left @ right


def _by_gram(x: Tensor) -> Tensor:
    """Return a matrix moved by how far its columns, or its rows where it is wide, are from orthonormal."""
    gram = x.mH @ x if x.shape[-2] >= x.shape[-1] else x @ x.mH
    unit = torch.eye(gram.shape[-1], dtype=x.dtype, device=x.device)
    return x + torch.linalg.matrix_norm(gram - unit)[..., None, None]


def _orthonormal_nearby(x: Tensor) -> Tensor:
    """Return the polar factor by Newton-Schulz iteration, which converges beside an orthogonal matrix.

    Its derivative is finite there, as that of the singular vectors is not (Higham, Functions of Matrices, 8.3).
    """
    size = torch.linalg.matrix_norm(x.detach(), 2)
    x = x / torch.where(size > 1.5, size, 1)[..., None, None]
    for _ in range(POLAR_STEPS):
        gram = x.mH @ x if x.shape[-2] >= x.shape[-1] else x @ x.mH
        x = 1.5 * x - 0.5 * (x @ gram if x.shape[-2] >= x.shape[-1] else gram @ x)
    return x


symmetric = Domain("symmetric", _symmetric, _symmetric)
spd = Domain("spd", _positive_definite, _definite_nearby)
orthogonal = Domain("orthogonal", _orthonormal, _orthonormal_nearby, _by_gram)
lower_triangular = Domain("lower_triangular", torch.tril, torch.tril)
upper_triangular = Domain("upper_triangular", torch.triu, torch.triu)


def contraction(bound: float = 1.0) -> Domain:
    """Matrices that make no vector longer than ``bound`` times its length.

    Raises:
        CheckError: the bound is not positive.
    """
    if not bound > 0:
        raise CheckError(f"contraction({bound}) holds nothing but zero: give a bound above 0")

    def within(x: Tensor, most: float) -> Tensor:
        size = torch.linalg.matrix_norm(x, 2)[..., None, None]
        return torch.where(size > bound, x * (most / torch.where(size == 0, 1, size)), x)

    return Domain(
        f"contraction({bound})",
        lambda x: within(x, INSIDE * bound),
        lambda x: within(x, bound),
    )
