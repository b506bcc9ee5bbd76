"""Matrices that forward takes for symmetric, and symmetric ones that hide an error."""

from __future__ import annotations

import torch
from corpus._case import normal
from corpus.linear_algebra import SymmetricEigenvalues
from torch import Tensor
from torch.autograd import Function

from pytest_autograd import check


class EigenvaluesWrong(SymmetricEigenvalues):
    @staticmethod
    def backward(ctx, grad_output):
        (vectors,) = ctx.saved_tensors
        return vectors.mT @ torch.diag_embed(grad_output) @ vectors


def symmetric(n: int) -> Tensor:
    root = normal(n, n).detach()
    return (root @ root.mT + torch.eye(n, dtype=torch.float64)).requires_grad_()


def test_matrix_taken_for_symmetric_is_judged_as_one() -> None:
    report = check(SymmetricEigenvalues, symmetric(4))
    assert report.verdict == "verified", str(report)
    note = next(finding for finding in report.findings if finding.code == "AG009")
    assert "forward reads one triangle" in note.message
    assert "AG101" in check(EigenvaluesWrong, symmetric(4)).codes


class Product(Function):
    """Right for symmetric matrices only."""

    @staticmethod
    def forward(ctx, matrix, x):
        ctx.save_for_backward(matrix, x)
        return matrix @ x

    @staticmethod
    def backward(ctx, grad_output):
        matrix, x = ctx.saved_tensors
        return torch.outer(grad_output, x), matrix @ grad_output


def test_error_that_a_symmetric_input_hides_is_told_with_that_word() -> None:
    report = check(Product, symmetric(4), normal(4))
    assert report.codes == {"AG104"}, str(report)
    assert "matrix was given symmetric" in report.findings[0].message


class SymmetricProduct(Product):
    @staticmethod
    def backward(ctx, grad_output):
        matrix, x = ctx.saved_tensors
        outer = torch.outer(grad_output, x)
        return (outer + outer.mT) / 2, matrix @ grad_output


def test_symmetric_answer_for_a_symmetric_matrix_is_right() -> None:
    report = check(SymmetricProduct, symmetric(4), normal(4))
    assert report.verdict == "verified", str(report)
    assert "AG101" in check(SymmetricProduct, normal(4, 4), normal(4)).codes
