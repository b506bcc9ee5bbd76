"""What an audit can show of a wrong gradient: matrices to look at, the worst elements, cost beside plain autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.derivatives.finite_differences import extrapolated
from pytest_autograd.derivatives.tangents import inner, size
from pytest_autograd.derivatives.verdicts import ArgumentVerdict, FirstOrder, Trial
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.probe import Probe
from pytest_autograd.facts.saved_tensors import measured
from pytest_autograd.options import INSIDE
from pytest_autograd.report.results import Cost, Matrix, Picture, WorstElement

SIDE = 32  # rows and columns of a picture at most
ARGUMENTS = 4
WORST = 5
STEP = 1e-3
STEPS = [10.0**-k for k in range(1, 10)]
TIMINGS = 3


def pictures(probe: Probe) -> list[Picture]:
    """Return a picture for each argument whose gradient was found wrong or inexact."""
    values = probe.numbers.peek("first_order")
    if not isinstance(values, FirstOrder):
        return []
    off = [a for a in values.arguments if a.expected is not None and a.status != "ok"]
    return [_picture(probe, values, argument) for argument in off[:ARGUMENTS]]


def _picture(probe: Probe, values: FirstOrder, argument: ArgumentVerdict) -> Picture:
    assert argument.expected is not None
    slot = probe.numbers.evaluator.names.index(argument.name)
    got = argument.got if argument.got is not None else torch.zeros_like(argument.expected)
    expected, got, part = _real(argument.expected, got)
    try:
        want_matrix, got_matrix, what = _jacobians(probe, slot)
    except NotApplicable:
        want_matrix, got_matrix, where = _slice(expected, got)
        what = f"gradient for random grad_output{part}, {_shape(expected)}{where}"
    return Picture(
        argument=argument.name,
        what=what,
        expected=_matrix(want_matrix),
        got=_matrix(got_matrix),
        worst=_worst(expected, got),
        steps=_steps(probe, values, slot),
    )


def _real(expected: Tensor, got: Tensor) -> tuple[Tensor, Tensor, str]:
    """Return both as real tensors: of complex ones the part that is farther off."""
    expected, got = expected.detach().cpu(), got.detach().cpu()
    if not expected.is_complex():
        return expected.double(), got.double(), ""
    off = (expected - got).resolve_conj()
    if float(off.real.abs().sum()) >= float(off.imag.abs().sum()):
        return expected.real.double(), got.real.double(), " (real part)"
    return expected.imag.double(), got.imag.double(), " (imaginary part)"


def _jacobians(probe: Probe, slot: int) -> tuple[Tensor, Tensor, str]:
    """Return (expected, got) Jacobians of all outputs by one argument, if they are small enough to look at."""
    evaluator, declared = probe.numbers.evaluator, probe.subject.contract
    point = evaluator.point
    outputs = evaluator.forward(point)
    columns, rows = point[slot].numel(), sum(y.numel() for y in outputs)
    if not (0 < columns <= SIDE and 0 < rows <= SIDE) or declared in ("grad_transform", INSIDE):
        raise NotApplicable("too big to look at")
    if any(tensor.is_complex() for tensor in (*point, *outputs)):
        raise NotApplicable("complex")
    units = [_unit(outputs, row) for row in range(rows)]
    got = _by_vjp(evaluator.vjp, point, units, slot)
    if declared is not None:
        expected = _by_vjp(probe.numbers.declared.vjp, point, units, slot)
    else:
        expected = _by_differences(evaluator.forward, point, slot)
    return (
        expected,
        got,
        f"Jacobian, {rows} x {columns}: outputs by elements of {evaluator.names[slot]}",
    )


def _unit(outputs: Sequence[Tensor], row: int) -> list[Tensor]:
    flat = torch.zeros(sum(y.numel() for y in outputs), dtype=torch.float64)
    flat[row] = 1
    parts = flat.split([y.numel() for y in outputs])
    return [part.view(y.shape).to(y) for part, y in zip(parts, outputs, strict=True)]


def _by_vjp(vjp: Any, point: Sequence[Tensor], units: list[list[Tensor]], slot: int) -> Tensor:
    rows = []
    for unit in units:
        gradient = vjp(point, unit)[slot]
        known = torch.zeros_like(point[slot]) if gradient is None else gradient
        rows.append(known.detach().cpu().double().reshape(-1))
    return torch.stack(rows)


def _by_differences(forward: Any, point: Sequence[Tensor], slot: int) -> Tensor:
    def outputs(i: int, step: float) -> Tensor:
        moved = list(point)
        shift = torch.zeros(moved[slot].numel(), dtype=moved[slot].dtype, device=moved[slot].device)
        shift[i] = step
        moved[slot] = moved[slot] + shift.view(moved[slot].shape)
        return torch.cat([y.detach().cpu().double().reshape(-1) for y in forward(moved)])

    columns = [
        extrapolated(lambda step, i=i: outputs(i, step), STEP) for i in range(point[slot].numel())
    ]
    return torch.stack(columns, dim=1)


def _slice(expected: Tensor, got: Tensor) -> tuple[Tensor, Tensor, str]:
    """Return the two-dimensional slice, at most SIDE by SIDE, that holds the worst element."""
    if expected.ndim < 2:
        expected, got = expected.reshape(1, -1), got.reshape(1, -1)
        at = [0, _worst_indices(expected, got, 1)[0][-1]] if expected.numel() else [0, 0]
    else:
        at = list(_worst_indices(expected, got, 1)[0]) if expected.numel() else [0] * expected.ndim
    lead = tuple(at[:-2])
    expected, got = expected[lead], got[lead]
    where = f", slice [{', '.join(map(str, lead))}, :, :]" if lead else ""
    for axis in (0, 1):
        start = max(0, min(at[axis - 2] - SIDE // 2, expected.shape[axis] - SIDE))
        length = min(SIDE, expected.shape[axis])
        if length < expected.shape[axis]:
            where += f", {('rows', 'columns')[axis]} {start} to {start + length - 1}"
        expected, got = expected.narrow(axis, start, length), got.narrow(axis, start, length)
    return expected, got, where


def _worst_indices(expected: Tensor, got: Tensor, count: int) -> list[tuple[int, ...]]:
    off = torch.nan_to_num((expected - got).abs(), nan=torch.inf)
    off = torch.where(torch.isnan(expected), -torch.ones_like(off), off).reshape(-1)
    best = off.topk(min(count, off.numel())).indices
    return [
        tuple(int(i) for i in torch.unravel_index(index, expected.shape))
        for index in best
        if float(off[index]) != 0 or count == 1
    ]


def _worst(expected: Tensor, got: Tensor) -> tuple[WorstElement, ...]:
    return tuple(
        WorstElement(index=index, expected=float(expected[index]), got=float(got[index]))
        for index in _worst_indices(expected, got, WORST)
    )


def _steps(probe: Probe, values: FirstOrder, slot: int) -> tuple[tuple[float, float, float], ...]:
    """Return how far finite differences at each step size are from what backward says, and from their own limit.

    Both are relative to the size of the gradient; the limit is extrapolated.
    """
    if not values.trials or probe.subject.contract is not None:
        return ()
    trial: Trial = values.trials[0]
    forward = probe.numbers.evaluator.forward
    along = [u if i == slot else torch.zeros_like(u) for i, u in enumerate(trial.along)]
    moving = [g if i == slot else None for i, g in enumerate(trial.got)]
    claimed = inner(moving, along)

    def slope(h: float) -> float:
        ahead, behind = (
            [x + t * u for x, u in zip(trial.point, along, strict=True)] for t in (h, -h)
        )
        cotangents = list(trial.cotangents)
        return (inner(cotangents, forward(ahead)) - inner(cotangents, forward(behind))) / (2 * h)

    slopes = [slope(h) for h in STEPS]
    limit = (4 * slope(STEP / 2) - slope(STEP)) / 3
    scale = max(size(moving, along), *(abs(s) for s in slopes[2:6])) or 1.0
    off = [(abs(s - claimed) / scale, abs(s - limit) / scale) for s in slopes]
    return tuple((h, *pair) for h, pair in zip(STEPS, off, strict=True))


def _matrix(tensor: Tensor) -> Matrix:
    return tuple(tuple(row) for row in tensor.tolist())


def _shape(tensor: Tensor) -> str:
    return f"shape {list(tensor.shape)}"


def costs(probe: Probe) -> tuple[Cost | None, Cost | None]:
    """Return what one call costs as written, and with its forward differentiated by plain autograd."""
    return _cost(probe, raw=False), _cost(probe, raw=True)


def _cost(probe: Probe, *, raw: bool) -> Cost | None:
    """Return the least of several measurements, None where the author's code does not run so."""
    try:
        runs = [measured(probe.call, probe.subject.seed, raw=raw) for _ in range(TIMINGS)]
    except NotApplicable:
        return None
    return Cost(
        saved_bytes=runs[-1].saved_bytes,
        forward_seconds=min(run.forward_seconds for run in runs),
        backward_seconds=min(run.backward_seconds for run in runs),
    )
