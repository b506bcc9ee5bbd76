"""VJPs by hand, and the forwards that go with them, for the cases of the false-alarm benchmark."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.linalg import eigh, inv, solve, svd


def first_largest(x: Tensor) -> Tensor:
    """Return 1 at the first largest element of each row, else 0."""
    return torch.zeros_like(x).scatter(1, x.argmax(1, keepdim=True), 1.0)


def mask(x: Tensor) -> Tensor:
    """Draw which elements dropout keeps; the global stream repeats itself when it is reseeded."""
    return (torch.rand(x.shape) < 0.7).to(x.dtype) / 0.7


def evenly(x: Tensor) -> Tensor:
    """Return the share that each of the largest elements of a row has."""
    largest = (x == x.amax(1, keepdim=True)).to(x.dtype)
    return largest / largest.sum(1, keepdim=True)


def unsorted(g: Tensor, x: Tensor) -> Tensor:
    """Return the VJP of sorting along axis 1."""
    return torch.zeros_like(x).scatter(1, x.sort(1).indices, g)


def by_inverse(g: Tensor, a: Tensor) -> Tensor:
    """Return the VJP of the matrix inverse."""
    return -inv(a).T @ g @ inv(a).T


def by_solve(g: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the VJP of ``solve(a, b)``."""
    adjoint = solve(a.T, g)
    return -adjoint @ solve(a, b).T, adjoint


def by_svdvals(g: Tensor, a: Tensor) -> Tensor:
    """Return the VJP of the singular values."""
    u, _, vh = svd(a, full_matrices=False)
    return u * g @ vh


def by_eigvalsh(g: Tensor, a: Tensor) -> Tensor:
    """Return the VJP of the eigenvalues of the symmetric part."""
    _, q = eigh((a + a.T) / 2)
    return q * g @ q.T


def by_squared_vectors(g: Tensor, a: Tensor) -> Tensor:
    """Return the VJP of the squared eigenvectors (which no choice of signs changes)."""
    values, q = eigh((a + a.T) / 2)
    gaps = values[None, :] - values[:, None]
    inverse = torch.where(gaps == 0, torch.zeros_like(gaps), 1 / torch.where(gaps == 0, 1, gaps))
    grad = q @ (inverse * (q.T @ (2 * g * q))) @ q.T
    return (grad + grad.T) / 2


def naive_variance(x: Tensor) -> Tensor:
    """Return the variance as the difference of two large numbers."""
    return (x * x).mean() - x.mean() ** 2


def by_variance(g: Tensor, x: Tensor) -> Tensor:
    """Return the VJP of the variance."""
    return g * 2 * (x - x.mean()) / x.numel()


def by_difference(g: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the VJP of the cubed difference."""
    slope = 3 * g * (x - y) ** 2
    return slope, -slope


def shifted_softmax(x: Tensor) -> Tensor:
    """Return the softmax, its maximum kept out of the graph."""
    e = (x - x.detach().amax(1, keepdim=True)).exp()
    return e / e.sum(1, keepdim=True)


def by_softmax(g: Tensor, x: Tensor) -> Tensor:
    """Return the VJP of the softmax."""
    p = x.softmax(1)
    return p * (g - (g * p).sum(1, keepdim=True))


def dropout() -> Any:
    """Return dropout whose mask is drawn in forward and saved."""

    def forward(ctx: Any, x: Tensor) -> Tensor:
        kept = mask(x)
        ctx.save_for_backward(kept)
        return x * kept

    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        return grad_output * ctx.saved_tensors[0]

    body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("dropout", (torch.autograd.Function,), body)


def by_normalise(g: Tensor, x: Tensor) -> Tensor:
    """Return the VJP of ``x / norm(x)``."""
    unit = x / x.norm()
    return (g - unit * (g * unit).sum()) / x.norm()
