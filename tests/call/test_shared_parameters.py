"""The parameters of a model that is an argument itself: judged, and left as they were."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from corpus.companions import Affine, Recompute
from torch import nn

from pytest_autograd import check


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
