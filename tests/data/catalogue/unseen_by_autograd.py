"""Tensors that autograd never sees, and calls that go past it."""

import dataclasses

import torch
from catalogue._mode import Mode, normal, vector
from torch import nn
from torch.autograd import Function


class SumsAList(Function):
    @staticmethod
    def forward(ctx, x, others):
        ctx.count = len(others)
        return x + sum(others)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, None


class ReturnsGradientsForAList(SumsAList):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, [grad_output] * ctx.count


class SumsADict(SumsAList):
    @staticmethod
    def forward(ctx, x, others):
        return x + others["shift"]["by"]


@dataclasses.dataclass
class Affine:
    weight: torch.Tensor


class TakesADataclass(Function):
    @staticmethod
    def forward(ctx, x, affine):
        ctx.save_for_backward(affine.weight)
        return x * affine.weight

    @staticmethod
    def backward(ctx, grad_output):
        (weight,) = ctx.saved_tensors
        return grad_output * weight, None


GLOBAL_WEIGHT = normal(5, seed=7)
LAYER = nn.Linear(5, 5, dtype=torch.float64)


class UsesAGlobal(Function):
    @staticmethod
    def forward(ctx, x):
        return x * GLOBAL_WEIGHT

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * GLOBAL_WEIGHT.detach()


def scaled_by(weight):
    class UsesAClosure(Function):
        @staticmethod
        def forward(ctx, x):
            return x * weight

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * weight.detach()

    return UsesAClosure


class RunsAModule(Function):
    @staticmethod
    def forward(ctx, x, layer):
        ctx.save_for_backward(layer.weight)
        return layer(x)

    @staticmethod
    def backward(ctx, grad_output):
        (weight,) = ctx.saved_tensors
        return grad_output @ weight, None


class ReturnsAList(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return [x.sin(), x.cos()]

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos() - grad_cos * x.sin()


class ReturnsADictBesides(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), {"cosine": x.cos()}

    @staticmethod
    def backward(ctx, grad_sin, _):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos()


class ReturnsANestedTuple(ReturnsADictBesides):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), (x.cos(), x.exp())


class FixedGradient(Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class _NoCtx:
    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors


def calls_forward_directly(x):
    return FixedGradient.forward(_NoCtx(), x) + x.sin()


def a_vector_and_a_list():
    return normal(5), [normal(5, seed=1), normal(5, seed=2)]


MODES = {
    "sums_a_list": Mode(SumsAList, a_vector_and_a_list, "AG006"),
    "returns_gradients_for_a_list": Mode(ReturnsGradientsForAList, a_vector_and_a_list, "AG006"),
    "sums_a_nested_dict": Mode(
        SumsADict, lambda: (normal(5), {"shift": {"by": normal(5, seed=1)}}), "AG006"
    ),
    "takes_a_dataclass": Mode(
        TakesADataclass, lambda: (normal(5), Affine(normal(5, seed=1))), "AG006"
    ),
    "uses_a_global": Mode(UsesAGlobal, vector, "AG007"),
    "uses_a_closure": Mode(scaled_by(normal(5, seed=3)), vector, "AG007"),
    "runs_a_module": Mode(RunsAModule, lambda: (normal(3, 5), LAYER), "AG007"),
    "returns_a_list": Mode(ReturnsAList, vector, "AG003"),
    "returns_a_dict_besides": Mode(ReturnsADictBesides, vector, "AG005"),
    "returns_a_nested_tuple": Mode(ReturnsANestedTuple, vector, "AG005"),
    "calls_forward_directly": Mode(calls_forward_directly, vector, "AG008"),
}
