"""Sparse tensors among the arguments: their values are what is differentiated."""

from __future__ import annotations

import torch
from corpus._case import normal
from torch.autograd import Function

from pytest_autograd import check


class SparseProduct(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return torch.sparse.mm(a, b)

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return (grad_output @ b.t()).sparse_mask(a), torch.sparse.mm(a.t(), grad_output)


class BadSparseProduct(SparseProduct):
    @staticmethod
    def backward(ctx, grad_output):
        grad_a, grad_b = SparseProduct.backward(ctx, grad_output)
        return 2 * grad_a, grad_b


def test_sparse_inputs_are_judged_by_their_values() -> None:
    indices = torch.tensor([[0, 1, 2, 2], [1, 0, 1, 3]])
    a = torch.sparse_coo_tensor(indices, normal(4).detach(), (3, 4), check_invariants=True)
    a = a.coalesce().requires_grad_()
    good, bad = (
        check(f, a, normal(4, 2), level="quick") for f in (SparseProduct, BadSparseProduct)
    )
    assert (good.verdict, good.codes) == ("verified", set()), str(good)
    assert bad.codes == {"AG101"}
    assert bad.findings[0].evidence.argument == "a.values()"
    second = next(result for result in good.checks if result.code == "AG501")
    assert (second.status, "sparse" in (second.reason or "")) == ("skipped", True)
