"""Functions that are awkward to check: tied to a module, rough, symmetric by nature, endless elsewhere."""

from __future__ import annotations

import time
from contextlib import suppress

import numpy as np
import pytest
import torch
from corpus._case import normal
from corpus.companions import Affine, Recompute
from corpus.linear_algebra import SymmetricEigenvalues
from torch import Tensor, nn
from torch.autograd import Function

from pytest_autograd import check
from pytest_autograd.running.time_limit import Overdue, TimeLimit


class RecomputeWrong(Recompute):
    @staticmethod
    def backward(ctx, grad_output):
        nothing, of_x, *others = Recompute.backward(ctx, grad_output)
        return nothing, of_x, 1.5 * others[0], *others[1:]


@pytest.mark.parametrize("model", [nn.Linear(3, 4).double(), Affine()], ids=["module", "object"])
def test_gradient_of_a_models_own_parameter_is_judged(model) -> None:
    report = check(RecomputeWrong, model, normal(5, 3), *model.parameters())
    assert "AG101" in report.codes, str(report)
    wrong = next(finding for finding in report.findings if finding.code == "AG101")
    assert wrong.evidence.argument == "parameters[0]"
    assert "1.5 x the right one" in wrong.message


def test_a_models_parameters_keep_memory_values_and_gradients() -> None:
    layer = nn.Linear(3, 4).double()
    layer.weight.grad = torch.full_like(layer.weight, 7)
    kept = [(p, p.data_ptr(), p.detach().clone(), p._version) for p in layer.parameters()]
    gradient = layer.weight.grad
    y = layer(normal(5, 3))  # a graph of the user's own, alive during the check
    check(RecomputeWrong, layer, normal(5, 3), *layer.parameters())
    for parameter, address, value, version in kept:
        assert parameter.data_ptr() == address
        assert torch.equal(parameter, value)
        assert parameter._version == version
    assert layer.weight.grad is gradient
    assert bool((gradient == 7).all())
    y.sum().backward()


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


def rough(factor: float) -> type[Function]:
    """Return a Function whose forward is exact to 3e-7 only, and whose gradient is ``factor`` times the right one."""

    class Rough(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            values = x.detach().numpy()
            return torch.from_numpy(np.sin(values) + 3e-7 * np.sin(1e6 * values))

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return factor * grad_output * torch.cos(x)

    return Rough


def test_rough_forward_is_inconclusive_with_the_reason_and_not_wrong() -> None:
    report = check(rough(1.0), normal(5))
    assert report.verdict == "inconclusive", str(report)
    assert "tighten its tolerance" in report.summary
    assert "AG101" in check(rough(2.0), normal(5)).codes


def test_code_that_does_not_come_back_is_interrupted_even_if_it_swallows_that_once() -> None:
    patience = TimeLimit()
    limit = time.monotonic() + 20

    def loop_for_long() -> None:
        while time.monotonic() < limit:
            pass

    def swallow_once() -> None:
        with suppress(Overdue):
            loop_for_long()
        loop_for_long()

    patience.begin(0.01)
    with pytest.raises(Overdue):
        swallow_once()
    assert patience.end(Overdue())


def test_code_that_comes_back_in_time_is_left_alone() -> None:
    patience = TimeLimit()
    patience.begin(60)
    assert not patience.end(None)


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


class RightInFloat64Only(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (3 if x.dtype == torch.float64 else 2) * x**2 * grad_output


@pytest.mark.parametrize("level", ["quick", "full"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradient_wrong_in_the_given_dtype_only_is_an_error(dtype, level) -> None:
    report = check(RightInFloat64Only, normal(5, dtype=dtype), level=level)
    assert report.verdict == "failed", str(report)
    assert report.codes == {"AG108"}
    assert "the dtype given" in report.findings[0].message


class RootOfMagnitude(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs().sqrt()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.sgn(x) / (2 * x.abs().sqrt())


def test_gradient_that_is_not_finite_on_a_kink_is_told() -> None:
    report = check(RootOfMagnitude, torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64))
    assert report.codes == {"AG111"}, str(report)
    assert "not finite there" in report.findings[0].message


class Batched(Function):
    @staticmethod
    def forward(ctx, q, k):
        ctx.save_for_backward(q, k)
        return q @ k.transpose(-1, -2)

    @staticmethod
    def backward(ctx, grad_output):
        q, k = ctx.saved_tensors
        return grad_output @ k, torch.einsum("bts,btd->bsd", grad_output, q).reshape(k.shape)


class Rotary(Function):
    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    @staticmethod
    def backward(ctx, grad_output):
        cos, sin = ctx.saved_tensors
        a, b = grad_output.chunk(2, -1)
        return torch.cat([a * cos + b * sin, b * cos - a * sin], -1), None, None


def angles() -> tuple[Tensor, Tensor]:
    angle = torch.arange(5)[:, None] * torch.tensor([0.3, 0.8], dtype=torch.float64)
    return angle.cos()[None, :, None], angle.sin()[None, :, None]


@pytest.mark.parametrize(
    ("target", "inputs"),
    [
        (Batched, (normal(1, 3, 4), normal(1, 5, 4))),
        (Rotary, (normal(2, 5, 3, 4), *angles())),
    ],
    ids=["a batch of one", "an even size"],
)
def test_sizes_that_happen_to_broadcast_are_no_fault(target, inputs) -> None:
    report = check(target, *inputs)
    assert report.verdict == "verified", str(report)


class AlphaForgotten(Function):
    @staticmethod
    def forward(ctx, x, alpha=1.0):
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, alpha * torch.expm1(x))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.where(x > 0, torch.ones_like(x), x.exp()), None


class FlagForgotten(Function):
    @staticmethod
    def forward(ctx, x, squared):
        ctx.save_for_backward(x)
        return x.sin() ** 2 if squared else x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos(), None


class PowerForgotten(Function):
    @staticmethod
    def forward(ctx, x, power):
        ctx.save_for_backward(x)
        return x**power

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * x, None


@pytest.mark.parametrize(
    ("target", "given", "told"),
    [
        (AlphaForgotten, 1.0, "with alpha=1.7 in place of 1.0"),
        (FlagForgotten, False, "with squared=True in place of False"),
        (PowerForgotten, 2, "with power=3 in place of 2"),
    ],
)
def test_fault_that_a_plain_value_hides_is_seen_at_another(target, given, told) -> None:
    report = check(target, normal(5), given)
    assert report.codes == {"AG104"}, str(report)
    assert told in report.findings[0].message


def test_optional_tensor_that_was_none_is_noted() -> None:
    class Optional(Function):
        @staticmethod
        def forward(ctx, x, weight=None):
            ctx.save_for_backward(x)
            return x * x if weight is None else x * x * weight

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return 2 * x * grad_output, None

    report = check(Optional, normal(4), None)
    assert any("weight was None" in finding.message for finding in report.findings)
