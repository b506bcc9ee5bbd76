"""Several cotangents at one point: one graph answers as fresh ones do, whatever backward does to its graph."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch.autograd import Function

from pytest_autograd import check
from pytest_autograd.call.target import make_call
from pytest_autograd.derivatives.evaluator import Evaluator, Repeated
from pytest_autograd.derivatives.precision import forward_precision
from pytest_autograd.errors import TargetRaised


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.once = [x.detach().clone()]
        ctx.times = 0
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad_output


class Pops(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        return 3 * ctx.once.pop() ** 2 * grad_output


class Deletes(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        x = ctx.once[0]
        del ctx.once
        return 3 * x**2 * grad_output


class ScalesWhatItKept(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        gradient = 3 * ctx.once[0] ** 2 * grad_output
        ctx.once[0].mul_(2)
        return gradient


class WritesIntoItsInput(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        gradient = 3 * x**2 * grad_output
        x.data.add_(1)
        return gradient


class CountsAndChanges(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        ctx.times += 1
        return (3 if ctx.times < 3 else 4) * ctx.once[0] ** 2 * grad_output


class AnswersInOneBuffer(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        if ctx.times == 0:
            ctx.times, ctx.buffer = 1, torch.empty_like(grad_output)
        torch.mul(3 * ctx.once[0] ** 2, grad_output, out=ctx.buffer)
        return ctx.buffer.view_as(ctx.buffer)


class GlobalStack(Cube):
    stack: ClassVar = []

    @staticmethod
    def forward(ctx, x):
        GlobalStack.stack.append(x.detach().clone())
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        return 3 * GlobalStack.stack.pop() ** 2 * grad_output


class RightOnlyOnARetainedGraph(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        retained = torch._C._autograd._get_current_graph_task_keep_graph()
        return (3 if retained else 2) * ctx.once[0] ** 2 * grad_output


class RightOnlyFromTheSecondTimeOn(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        ctx.times += 1
        return (2 if ctx.times == 1 else 3) * ctx.once[0] ** 2 * grad_output


def evaluator_of(function):
    x = torch.tensor([0.5, -1.25, 2.0], dtype=torch.float64)
    return Evaluator(make_call(function, (x,), {}), 0)


def cotangents(count):
    draw = torch.Generator().manual_seed(1)
    return [[torch.randn(3, dtype=torch.float64, generator=draw)] for _ in range(count)]


@pytest.mark.parametrize(
    "function",
    [
        Cube,
        Pops,
        Deletes,
        ScalesWhatItKept,
        WritesIntoItsInput,
        CountsAndChanges,
        AnswersInOneBuffer,
        GlobalStack,
    ],
)
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_answers_are_those_of_fresh_graphs(function, count):
    evaluator, several = evaluator_of(function), cotangents(count)
    answers = evaluator.vjps(evaluator.point, several)
    slope = 3 * evaluator.point[0] ** 2
    for (answer,), (v,) in zip(answers, several, strict=True):
        torch.testing.assert_close(answer, slope * v)


@pytest.mark.parametrize(("function", "forwards", "backwards"), [(Cube, 2, 7), (Pops, 7, 8)])
def test_what_it_costs(function, forwards, backwards):
    evaluator = evaluator_of(function)
    evaluator.vjps(evaluator.point, cotangents(6))
    assert (evaluator.calls["forward"], evaluator.calls["backward"]) == (forwards, backwards)


@pytest.mark.parametrize("function", [RightOnlyOnARetainedGraph, RightOnlyFromTheSecondTimeOn])
def test_a_retained_graph_is_no_better_witness_than_a_fresh_one(function):
    x = torch.tensor([0.5, -1.25, 2.0], dtype=torch.float64, requires_grad=True)
    report = check(function, x, level="quick", select=["AG101"])
    assert (report.verdict, report.codes) == ("failed", {"AG101"})


def test_what_backward_raises_is_raised():
    class Raises(Cube):
        @staticmethod
        def backward(ctx, grad_output):
            raise ValueError("no")

    evaluator = evaluator_of(Raises)
    with pytest.raises(TargetRaised, match="ValueError: no"):
        evaluator.vjps(evaluator.point, cotangents(3))


def test_outputs_are_known_from_the_second_equal_run_on():
    known = Repeated()
    assert known.outputs is None
    known.note([torch.ones(2)])
    assert known.outputs is None
    known.note([torch.ones(2)])
    assert known.outputs is not None
    known.outputs[0].zero_()
    assert torch.equal(known.outputs[0], torch.ones(2))


@pytest.mark.parametrize("then", [[0.0, 0.0], [1.0, 1.0, 1.0]])
def test_outputs_that_once_differed_are_never_known(then):
    known = Repeated()
    for values in ([1.0, 1.0], then, [1.0, 1.0], [1.0, 1.0]):
        known.note([torch.tensor(values)])
        assert known.outputs is None


def test_forward_at_the_given_point_runs_twice_and_elsewhere_each_time():
    evaluator = evaluator_of(Cube)
    for _ in range(5):
        evaluator.forward(evaluator.point)
    assert evaluator.calls["forward"] == 2
    for _ in range(5):
        evaluator.forward([evaluator.point[0] + 1])
    assert evaluator.calls["forward"] == 7


class SingleInside(Cube):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x.float() ** 3).to(x.dtype)


def test_precision_inside_forward_is_seen_where_outputs_are_known():
    evaluator = evaluator_of(SingleInside)
    for _ in range(3):
        evaluator.forward(evaluator.point)
    eps = torch.finfo(torch.float32).eps
    assert forward_precision(evaluator, evaluator.point) == eps
