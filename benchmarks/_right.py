"""Right gradients at points where a checker is tempted to call them wrong, in families.

Each case is a forward, its VJP by hand in plain torch operations (so twice differentiable), and a maker of inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.autograd import Function

Make = Callable[[Generator], Tensor | tuple[Tensor, ...]]


@dataclass(frozen=True)
class Case:
    """A right Function and inputs for it."""

    family: str
    name: str
    function: type[Function]
    make: Make

    def inputs(self, seed: int) -> tuple[Tensor, ...]:
        """Return the arguments of trial ``seed``; floating and complex ones want a gradient."""
        made = self.make(torch.Generator().manual_seed(seed))
        given = made if isinstance(made, tuple) else (made,)
        wanted = [a.is_floating_point() or a.is_complex() for a in given]
        return tuple(a.requires_grad_(w) for a, w in zip(given, wanted, strict=True))


def right(name: str, forward: Callable[..., Any], vjp: Callable[..., Any]) -> type[Function]:
    """Return the Function that saves its arguments and answers ``vjp(grad_output, *arguments)``."""

    def run(ctx: Any, *args: Tensor) -> Any:
        ctx.save_for_backward(*args)
        return forward(*args)

    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return vjp(grad_output, *ctx.saved_tensors)

    return type(
        name, (Function,), {"forward": staticmethod(run), "backward": staticmethod(backward)}
    )


GRID = 0.25


def randn(draw: Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return standard normal values."""
    return torch.randn(shape, generator=draw, dtype=dtype)


def vector(draw: Generator) -> Tensor:
    """Return normal values, from 1 to 48 of them."""
    return randn(draw, int(torch.randint(1, 49, (), generator=draw)))


def matrix(draw: Generator) -> Tensor:
    """Return a matrix of normal values, of 2 to 7 rows and 2 to 9 columns."""
    rows, columns = (int(torch.randint(2, top, (), generator=draw)) for top in (8, 10))
    return randn(draw, rows, columns)


def orthogonal(draw: Generator, n: int) -> Tensor:
    """Return a random orthogonal matrix."""
    return torch.linalg.qr(randn(draw, n, n))[0]


def with_values(draw: Generator, values: Sequence[float]) -> Tensor:
    """Return a square matrix with these singular values."""
    n = len(values)
    spectrum = torch.tensor(values, dtype=torch.float64)
    return orthogonal(draw, n) * spectrum @ orthogonal(draw, n).T


def symmetric(draw: Generator, values: Sequence[float]) -> Tensor:
    """Return a symmetric matrix with these eigenvalues."""
    q = orthogonal(draw, len(values))
    return q * torch.tensor(values, dtype=torch.float64) @ q.T


def at(draw: Generator, x: Tensor, places: Sequence[float], off: float) -> Tensor:
    """Return ``x`` with about a third of its elements, one at least, moved to ``places``, by ``off`` beside them."""
    chosen = torch.rand(x.shape, generator=draw) < 0.33
    chosen.view(-1)[0] = True
    which = torch.randint(0, len(places), x.shape, generator=draw)
    side = torch.randint(0, 2, x.shape, generator=draw) * 2 - 1
    return torch.where(chosen, torch.tensor(places, dtype=x.dtype)[which] + off * side, x)


def tied(draw: Generator) -> Tensor:
    """Return a matrix whose rows have their largest value twice."""
    x = matrix(draw)
    x[:, -1] = x[:, 0] = x.amax(1) + 0.5
    return x


def grid(x: Tensor) -> Tensor:
    """Return ``x`` quantised."""
    return (x / GRID).round() * GRID


def nearly(draw: Generator, x: Tensor) -> Tensor:
    """Return ``x`` with differences of about 1e-6."""
    return x + 1e-6 * torch.rand(x.shape, generator=draw, dtype=x.dtype)


def close_pair(draw: Generator, gap: float) -> tuple[Tensor, Tensor]:
    """Return two vectors that differ by about ``gap``."""
    x = vector(draw)
    return x, x + gap * randn(draw, *x.shape)


def two_matrices(draw: Generator) -> tuple[Tensor, Tensor]:
    """Return two matrices that can be multiplied."""
    a = matrix(draw)
    return a, randn(draw, a.shape[1], 3)


def mixed(draw: Generator) -> Tensor:
    """Return values from 1e-6 to 1e6 in one vector."""
    x = vector(draw)
    return x * 10.0 ** (12 * torch.rand(x.shape, generator=draw, dtype=x.dtype) - 6)


def complex_vector(draw: Generator) -> Tensor:
    """Return complex normal values, away from zero."""
    z = randn(draw, 1 + vector(draw).numel(), dtype=torch.complex128)
    return z + 0.1 * z / z.abs()
