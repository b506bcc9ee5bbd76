"""gpytorch: kernels, log of the normal distribution, variational distributions."""

import gpytorch
import pytest
import torch
from gpytorch.variational import NaturalVariationalDistribution, TrilNaturalVariationalDistribution


def test_log_normal_cdf(draw):
    gpytorch.log_normal_cdf(draw(12) * 2)


@pytest.mark.parametrize("nu", [0.5, 1.5, 2.5])
def test_matern(nu, draw):
    kernel = gpytorch.kernels.MaternKernel(nu=nu).double()
    kernel(draw(5, 2, grad=False), draw(4, 2, grad=False)).to_dense()


def test_rbf(draw):
    kernel = gpytorch.kernels.RBFKernel().double()
    kernel(draw(5, 2, grad=False), draw(4, 2, grad=False)).to_dense()


@pytest.mark.parametrize(
    "kind", [NaturalVariationalDistribution, TrilNaturalVariationalDistribution]
)
def test_natural_distribution(kind, draw):
    distribution = kind(4).double()
    with torch.no_grad():
        for parameter in distribution.parameters():
            noise = 0.1 * draw(*parameter.shape, grad=False)
            parameter.add_(noise.tril() if noise.dim() == 2 else noise)
        if kind is NaturalVariationalDistribution:
            root = draw(4, 4, grad=False)
            distribution.natural_mat.copy_(-0.5 * (root @ root.T + torch.eye(4)))
    distribution()


def test_quad_form_diagonal(draw):
    from gpytorch.variational.large_batch_variational_strategy import QuadFormDiagonal

    root = draw(4, 4, grad=False)
    QuadFormDiagonal.apply((root @ root.T).requires_grad_(), draw(4, 6))


def test_interpolation_terms(draw):
    from gpytorch.variational.ciq_variational_strategy import _NgdInterpTerms

    root = draw(4, 4, grad=False)
    precision = (-0.5 * (root @ root.T + torch.eye(4))).requires_grad_()
    _NgdInterpTerms.apply(draw(4, 6), draw(4), precision)
