"""Functions of matrices that are right on a domain and have no business off it."""

from __future__ import annotations

import torch
from corpus._case import Case, normal
from corpus.domains import leaf
from torch import Tensor
from torch.autograd import Function

from pytest_autograd.domains import contraction, lower_triangular, orthogonal, spd, symmetric


def rotation(n: int, seed: int = 0) -> Tensor:
    return leaf(torch.linalg.qr(normal(n, n, seed=seed).detach()).Q)


def covariance(n: int, seed: int = 0) -> Tensor:
    root = normal(n, n, seed=seed).detach()
    return leaf(root @ root.mT + torch.eye(n, dtype=torch.float64))


def factor(n: int, seed: int = 0) -> Tensor:
    return leaf(torch.linalg.cholesky(covariance(n, seed)))


def damped(n: int, bound: float, seed: int = 0) -> Tensor:
    value = normal(n, n, seed=seed).detach()
    return leaf(value * (0.8 * bound / torch.linalg.matrix_norm(value, 2)))


class OrthogonalTransport(Function):
    """Inverts by transposing, forward and backward."""

    @staticmethod
    def forward(ctx, q, x):
        ctx.save_for_backward(q, x)
        return torch.linalg.solve(q, x)

    @staticmethod
    def backward(ctx, grad_output):
        q, x = ctx.saved_tensors
        back = q @ grad_output
        by_q = -back @ (q.mT @ x).mT if ctx.needs_input_grad[0] else None
        return by_q, back


class LogDeterminant(Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return 2 * torch.linalg.cholesky(a).diagonal(dim1=-1, dim2=-2).log().sum(-1)

    @staticmethod
    def backward(ctx, grad_output):
        (a,) = ctx.saved_tensors
        return grad_output[..., None, None] * torch.linalg.inv(a)


class MatrixSquareRoot(Function):
    """By eigenvalues; backward solves the Sylvester equation in their basis."""

    @staticmethod
    def forward(ctx, a):
        values, vectors = torch.linalg.eigh(a)
        ctx.save_for_backward(a)
        return vectors @ torch.diag_embed(values.sqrt()) @ vectors.mT

    @staticmethod
    def backward(ctx, grad_output):
        (a,) = ctx.saved_tensors
        values, vectors = torch.linalg.eigh(a)
        roots = values.sqrt()
        inner = vectors.mT @ grad_output @ vectors / (roots[:, None] + roots[None, :])
        return vectors @ inner @ vectors.mT


class FixedPoint(Function):
    """Solves ``z = tanh(w z + x)`` by iteration; backward by the implicit function theorem."""

    @staticmethod
    def forward(ctx, w, x):
        z = torch.zeros_like(x)
        for _ in range(400):
            z = torch.tanh(w @ z + x)
        ctx.save_for_backward(w, z)
        return z

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_output):
        w, z = ctx.saved_tensors
        slope = 1 - z.square()
        step = torch.eye(len(z), dtype=z.dtype) - slope[:, None] * w
        adjoint = slope * torch.linalg.solve(step.mT, grad_output)
        return torch.outer(adjoint, z), adjoint


class TriangularQuadratic(Function):
    """``x' L L' x``; the gradient of the factor has its shape."""

    @staticmethod
    def forward(ctx, factor, x):
        ctx.save_for_backward(factor, x)
        return (factor.mT @ x).square().sum()

    @staticmethod
    def backward(ctx, grad_output):
        factor, x = ctx.saved_tensors
        inner = factor.mT @ x
        return grad_output * 2 * torch.outer(x, inner).tril(), grad_output * 2 * (factor @ inner)


class SpectralPower(Function):
    """``x' a a x`` for a symmetric matrix, whose gradient need not look symmetric."""

    @staticmethod
    def forward(ctx, a, x):
        ctx.save_for_backward(a, x)
        return x @ a @ a @ x

    @staticmethod
    def backward(ctx, grad_output):
        a, x = ctx.saved_tensors
        by_a = by_x = None
        if ctx.needs_input_grad[0]:
            by_a = grad_output * 2 * torch.outer(x, a @ x)
        if ctx.needs_input_grad[1]:
            by_x = grad_output * 2 * (a @ a @ x)
        return by_a, by_x


CASES = {
    "orthogonal_transport": Case(
        OrthogonalTransport,
        lambda: (rotation(4), normal(4, 3)),
        {"domain": {"q": orthogonal}},
    ),
    "log_determinant": Case(LogDeterminant, lambda: (covariance(4),), {"domain": {"a": spd}}),
    "matrix_square_root": Case(MatrixSquareRoot, lambda: (covariance(4),), {"domain": {"a": spd}}),
    "fixed_point": Case(
        FixedPoint, lambda: (damped(4, 0.9), normal(4)), {"domain": {"w": contraction(0.9)}}
    ),
    "triangular_quadratic": Case(
        TriangularQuadratic,
        lambda: (factor(4), normal(4)),
        {"domain": {"factor": lower_triangular}},
    ),
    "spectral_power": Case(
        SpectralPower, lambda: (covariance(4), normal(4)), {"domain": {"a": symmetric}}
    ),
}
