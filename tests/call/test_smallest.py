"""The smallest call of the same kind: what the referees are asked on."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch.autograd import Function

from pytest_autograd import Report, check


class Layer(Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight, bias)
        return torch.tanh(x @ weight + bias)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, bias = ctx.saved_tensors
        inner = grad_output * (1 - torch.tanh(x @ weight + bias).square())
        return inner @ weight.mT, x.mT @ inner, inner.sum(0)


class Blocks(Function):
    """Takes rows in blocks of four."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.reshape(-1, 4, x.shape[1]).square().sum(1)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output.repeat_interleave(4, 0)


class Sine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


def asked_on(report: Report) -> dict[str, str | None]:
    return {result.name: result.reason for result in report.checks if result.code is None}


@pytest.mark.parametrize(
    ("target", "inputs", "small"),
    [
        (Sine, (normal(40, 30),), "x: float64[2, 2] differentiated"),
        (
            Layer,
            (normal(20, 12), normal(12, 9), normal(9)),
            "x: float64[2, 2] differentiated; weight: float64[2, 9] differentiated; bias: float64[9] differentiated",
        ),
        (Blocks, (normal(16, 10),), "x: float64[4, 2] differentiated"),
        (Sine, (normal(4, 5),), None),  # few as they are
    ],
)
def test_referees_are_asked_on_few_elements(target, inputs, small) -> None:
    report = check(target, *inputs)
    assert report.verdict == "verified", str(report)
    told = None if small is None else f"on {small}"
    assert asked_on(report) == {"gradcheck": told, "gradgradcheck": told}


def test_the_given_inputs_can_be_asked_for() -> None:
    report = check(Sine, normal(6, 7), referees="given")
    assert asked_on(report) == {"gradcheck": None, "gradgradcheck": None}


@pytest.mark.parametrize(
    ("referees", "reason"),
    [("off", "referees=off"), ("unconfirmed", "the gradient is confirmed without it")],
)
def test_they_can_be_left_out(referees: str, reason: str) -> None:
    report = check(Sine, normal(6, 7), referees=referees)
    assert (report.verdict, set(asked_on(report).values())) == ("verified", {reason})


class OnAGrid(Function):
    """Rounds, and passes the gradient on: nothing that differences could confirm."""

    @staticmethod
    def forward(ctx, x):
        return torch.from_numpy((40 * x.detach().numpy()).round() / 40)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


def test_what_is_not_confirmed_is_asked_on_the_given_inputs() -> None:
    report = check(OnAGrid, normal(6, 7))
    assert report.verdict != "verified"
    assert not any((reason or "").startswith("on ") for reason in asked_on(report).values())
