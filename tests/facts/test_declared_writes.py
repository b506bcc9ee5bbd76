"""Writes that are on purpose: one finding each, a note where declared; what is wrong beside them is told."""

from __future__ import annotations

import time

import pytest
import torch
from corpus._case import normal
from torch import Tensor
from torch.autograd import Function

from pytest_autograd import check
from pytest_autograd.call.target import make_call
from pytest_autograd.checking import make_options
from pytest_autograd.facts.base import Subject
from pytest_autograd.facts.probe import Probe
from pytest_autograd.registry import all_rules


def slopes(x: Tensor) -> Tensor:
    return 3 * x * x


class LeavesSlopes(Function):
    """Keeps the gradient where its input was, which is a copy if rows are no rows in memory."""

    @staticmethod
    def forward(ctx, x):
        held = x if x.is_contiguous() else x.contiguous()
        y = held**3
        held.copy_(slopes(held))
        ctx.save_for_backward(held.detach())
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (slope,) = ctx.saved_tensors
        return slope * grad_output


class LeavesSlopesIfAsked(LeavesSlopes):
    """Asks a copy, made without autograd, whether it wants a gradient."""

    @staticmethod
    def forward(ctx, x):
        held = x.contiguous()
        y = held**3
        if held.requires_grad:
            held.copy_(slopes(held))
        ctx.save_for_backward(held.detach())
        return y


class LeavesSlopesInItsInput(LeavesSlopes):
    """Writes into a copy, and saves the input."""

    @staticmethod
    def forward(ctx, x):
        y = x**3
        x.contiguous().detach().copy_(slopes(x))
        ctx.save_for_backward(x.detach())
        return y


class LeavesSlopesByNumpy(LeavesSlopes):
    """Fills a flat array, which a reshape may have copied."""

    @staticmethod
    def forward(ctx, x):
        y = x**3
        flat = x.detach().reshape(-1).numpy()
        flat[:] = 3 * flat**2
        ctx.save_for_backward(x.detach())
        return y


FAULTY = [LeavesSlopesIfAsked, LeavesSlopesInItsInput, LeavesSlopesByNumpy]


@pytest.mark.parametrize("target", FAULTY)
def test_gradient_lost_with_another_layout_is_told_beside_the_write(target: type[Function]) -> None:
    report = check(target, normal(3, 4), gradgrad=False)
    assert report.codes == {"AG303", "AG408"}, str(report)


@pytest.mark.parametrize("target", FAULTY)
def test_declared_write_does_not_account_for_a_lost_gradient(target: type[Function]) -> None:
    report = check(target, normal(3, 4), gradgrad=False, overwrites=["x"])
    assert report.codes == {"AG408"}, str(report)


def test_right_twin_is_verified_as_declared() -> None:
    assert check(LeavesSlopes, normal(3, 4), gradgrad=False).codes == {"AG303"}
    report = check(LeavesSlopes, normal(3, 4), gradgrad=False, overwrites=["x"])
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


class ScalesSlopes(Function):
    """Computes the gradient in forward, and scales it where it lies."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(slopes(x).contiguous())
        return (x**3).sum()

    @staticmethod
    def backward(ctx, grad_output):
        (slope,) = ctx.saved_tensors
        return slope.mul_(grad_output)


class ScalesSlopesInRows(ScalesSlopes):
    """Takes the rows of the gradient to lie one after another."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(slopes(x))
        return (x**3).sum()

    @staticmethod
    def backward(ctx, grad_output):
        (slope,) = ctx.saved_tensors
        for row in range(slope.shape[0]):
            start = row * slope.stride(0)
            slope.as_strided((slope.shape[1],), (1,), start).mul_(grad_output)
        return slope


NAMES = ["ctx.saved_tensors", "ctx.saved_tensors[0]"]


@pytest.mark.parametrize("name", NAMES)
def test_what_forward_kept_can_be_declared(name: str) -> None:
    assert check(ScalesSlopes, normal(3, 4), gradgrad=False).codes == {"AG302"}
    report = check(ScalesSlopes, normal(3, 4), gradgrad=False, overwrites=name)
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_scaled_in_part_is_told_as_declared(name: str) -> None:
    options = {"level": "quick", "gradgrad": False, "overwrites": name}
    report = check(ScalesSlopesInRows, normal(3, 4), **options)
    assert report.codes == {"AG408"}, str(report)


class RunsOnce(ScalesSlopes):
    @staticmethod
    def backward(ctx, grad_output):
        if hasattr(ctx, "used"):
            raise RuntimeError("this backward runs once: it scales what forward kept")
        ctx.used = True
        return ScalesSlopes.backward(ctx, grad_output)


def require(fresh: bool) -> None:
    if not fresh:
        raise ValueError("no second time")


class RunsOnceByAHelper(ScalesSlopes):
    @staticmethod
    def forward(ctx, x):
        ctx.times = 0
        return ScalesSlopes.forward(ctx, x)

    @staticmethod
    def backward(ctx, grad_output):
        require(ctx.times == 0)
        ctx.times += 1
        return ScalesSlopes.backward(ctx, grad_output)


class RunsOnceByChance(ScalesSlopes):
    @staticmethod
    def forward(ctx, x):
        ctx.factors = [1.0]
        return ScalesSlopes.forward(ctx, x)

    @staticmethod
    def backward(ctx, grad_output):
        return ctx.factors.pop() * ScalesSlopes.backward(ctx, grad_output)


@pytest.mark.parametrize(
    ("target", "severity"),
    [(RunsOnce, "note"), (RunsOnceByAHelper, "note"), (RunsOnceByChance, "error")],
)
def test_second_backward_that_the_author_refuses_is_a_note(
    target: type[Function], severity: str
) -> None:
    report = check(
        target, normal(3, 4), level="quick", gradgrad=False, overwrites="ctx.saved_tensors"
    )
    told = {finding.code: finding.severity for finding in report.findings}
    assert told["AG307"] == severity, str(report)


def test_writes_are_read_off_the_observed_run_however_late_it_is() -> None:
    limit = 0.3
    call, options = make_call(ScalesSlopes, (normal(3, 4),), {}), make_options(gradgrad=False)
    probe = Probe(Subject(call, options, 0, time.monotonic() + limit))
    assert len(probe.run.backward_runs) == 2
    time.sleep(limit)
    (found,) = all_rules()["AG302"].find(probe)
    assert "ctx.saved_tensors[0]" in found.message
    assert torch.isfinite(torch.tensor(probe.writes.saved[0].change))
