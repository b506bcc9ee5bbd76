"""What is seen of calls: not those that a check makes, but those around it and those that the check records itself."""

from __future__ import annotations

import torch
from torch.autograd import Function

from pytest_autograd import check
from pytest_autograd.call.intercept import intercepted, unseen
from pytest_autograd.call.recorder import Recorder


class Halved(Function):
    @staticmethod
    def forward(ctx, x):
        return x / 2

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output / 2


def vector() -> torch.Tensor:
    return torch.linspace(-1, 1, 3, dtype=torch.float64, requires_grad=True)


def test_a_recorder_sees_no_call_that_a_check_makes() -> None:
    recorder = Recorder()
    with recorder.recording():
        Halved.apply(vector())
        report = check(lambda x: Halved.apply(x).sin(), vector(), level="quick")
        Halved.apply(vector())
    assert report.verdict == "verified"
    assert recorder.seen == 2


def test_only_interceptions_from_outside_are_hidden() -> None:
    seen: list[str] = []

    def noting(name: str):
        def handle(function, apply, args, kwargs, under_transform):
            seen.append(name)
            return apply(*args, **kwargs)

        return handle

    with intercepted(noting("outer")):
        with unseen(), intercepted(noting("inner")):
            Halved.apply(vector())
            with unseen():
                Halved.apply(vector())
        Halved.apply(vector())
    Halved.apply(vector())
    assert seen == ["inner", "outer"]
