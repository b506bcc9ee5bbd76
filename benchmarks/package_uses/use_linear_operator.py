"""linear_operator: products, solves and determinants of structured matrices."""

import linear_operator
import pytest
import torch
from linear_operator.operators import (
    DenseLinearOperator,
    DiagLinearOperator,
    ToeplitzLinearOperator,
)


@pytest.fixture
def matrix(draw):
    root = draw(5, 5, grad=False)
    return (root @ root.T + 2 * torch.eye(5)).requires_grad_()


def test_product(matrix, draw):
    DenseLinearOperator(matrix).matmul(draw(5, 3))


def test_product_with_toeplitz(draw):
    ToeplitzLinearOperator(draw(5)).matmul(draw(5, 3))


def test_solve(matrix, draw):
    DenseLinearOperator(matrix).solve(draw(5, 3))


def test_solve_from_the_left(matrix, draw):
    DenseLinearOperator(matrix).solve(draw(5, 3), left_tensor=draw(2, 5))


def test_quadratic_form(matrix, draw):
    DenseLinearOperator(matrix).inv_quad(draw(5, 3))


def test_quadratic_form_and_determinant(matrix, draw):
    with (
        linear_operator.settings.fast_computations(log_prob=True),
        linear_operator.settings.max_cholesky_size(1),
    ):
        DenseLinearOperator(matrix).inv_quad_logdet(draw(5, 2), logdet=True)


def test_inverse_root_product(matrix, draw):
    (
        DenseLinearOperator(matrix) + DiagLinearOperator(torch.ones(5, dtype=torch.float64))
    ).sqrt_inv_matmul(draw(5, 2))


def test_root(matrix):
    with linear_operator.settings.max_cholesky_size(1):
        DenseLinearOperator(matrix).root_decomposition(method="lanczos").to_dense()


def test_pivoted_cholesky(matrix):
    DenseLinearOperator(matrix).pivoted_cholesky(rank=3)


def test_eigenvalues(matrix):
    DenseLinearOperator(matrix).diagonalization(method="lanczos")


def test_sparse_product(draw):
    sparse = torch.eye(5, dtype=torch.float64).to_sparse()
    linear_operator.dsmm(sparse, draw(5, 3))
