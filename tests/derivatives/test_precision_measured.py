"""The precision of forward: as measured along a line, and as the dtypes say that its data pass through."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from along_lines import line_of, vector

from pytest_autograd.derivatives.finite_differences import EPS
from pytest_autograd.derivatives.precision import (
    forward_precision,
    input_precision,
    measured_precision,
)

POINTS = torch.linspace(0.3, 1.9, 101, dtype=torch.float64)
FLOAT32, BFLOAT16 = torch.finfo(torch.float32).eps, torch.finfo(torch.bfloat16).eps


def wiggling(x):
    """Return what passes for noise between -1 and 1: no step of the probe divides its period."""
    return torch.sin(1e12 * x)


def rounded_like(dtype):
    """Return a function in low precision whose rounding changes at the probe's steps, as that of many operations."""
    half = torch.finfo(dtype).eps / 2
    return lambda x: (x.sin() * (1 + half * wiggling(x))).to(dtype).double()


@pytest.mark.parametrize(
    ("function", "least", "most"),
    [
        (torch.sin, EPS, EPS),
        (lambda x: (x.exp() + 1).log() / x, EPS, EPS),
        (lambda x: x.float().sin().double(), FLOAT32 / 8, FLOAT32 / 2),
        (lambda x: x.sin().float().double(), FLOAT32 / 16, FLOAT32 / 2),
        (rounded_like(torch.float32), FLOAT32 / 4, FLOAT32),
        (rounded_like(torch.bfloat16), BFLOAT16 / 4, BFLOAT16),
    ],
    ids=["float64", "float64 in steps", "float32 in", "float32 out", "float32", "bfloat16"],
)
def test_measured_precision_is_that_of_the_dtype(function, least, most):
    assert least <= measured_precision(line_of(function, POINTS)) <= most


def test_bfloat16_that_does_not_change_at_the_probes_steps_is_not_seen():
    """That is what :func:`forward_precision` is for."""
    line = line_of(lambda x: x.bfloat16().double() * x, POINTS)
    assert measured_precision(line) == EPS


@pytest.mark.parametrize("level", [1e-13, 1e-10, 1e-6, 1e-3])
def test_measured_precision_of_noise_is_its_level(level):
    line = line_of(lambda x: x * (1 + level * wiggling(x)), POINTS)
    assert 0.5 * level <= measured_precision(line) <= 2 * level


@pytest.mark.parametrize("share", [0.4, 1.0])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_kinks_are_no_rounding(share, size):
    kinked = torch.arange(101) < 101 * share
    line = line_of(
        lambda x: torch.where(kinked, 1 + size * (x - POINTS).abs(), x.sin()), POINTS.clone()
    )
    assert measured_precision(line) == EPS


@pytest.mark.parametrize(("share", "size"), [(0.4, 1e-3), (0.4, 1.0), (1.0, 0.03), (1.0, 1.0)])
def test_jumps_are_no_rounding_where_few_or_large(share, size):
    jumping = torch.arange(101) < 101 * share
    line = line_of(lambda x: 1 + size * (jumping & (x > POINTS)), POINTS.clone())
    assert measured_precision(line) == EPS


@pytest.mark.parametrize(
    ("near", "wide", "measured"),
    [
        (8 * EPS, 8 * EPS, EPS),
        (8.1 * EPS, 8 * EPS, 8.1 * EPS),
        (1e-2, 1e-2, 1e-2),
        (1.01e-2, 1e-2, EPS),
        (1e-5, 4e-5, 1e-5),
        (1e-5, 4.1e-5, EPS),
        (1e-5, 0.0, 1e-5),
        (0.0, 0.0, EPS),
    ],
)
def test_rounding_is_neither_float64s_nor_a_jump_nor_growing(near, wide, measured):
    seen = {1e-7: near, 1e-6: wide}
    assert measured_precision(SimpleNamespace(rounding=lambda step: seen[step])) == measured


def to_complex64(x):
    return torch.complex(x, x).to(torch.complex64).real


@pytest.mark.parametrize(
    ("forward", "eps"),
    [
        (torch.sin, EPS),
        (lambda x: x.float(), FLOAT32),
        (lambda x: x.bfloat16().double(), BFLOAT16),
        (lambda x: x.bfloat16().float().half().double(), BFLOAT16),
        (lambda x: x.half().bfloat16(), BFLOAT16),
        (lambda x: x.type(torch.float32) + x, FLOAT32),
        (lambda x: x * torch.ones(2, dtype=torch.float32), EPS),  # widened, not narrowed
        (lambda x: x * x.long(), EPS),
        (lambda x: x * x.bool().to(torch.bfloat16), EPS),
        (lambda x: x.to(torch.complex64), EPS),  # such casts are left to the measurement
    ],
)
def test_forward_precision_is_the_coarsest_float_that_is_cast_to(forward, eps):
    evaluator = SimpleNamespace(forward=lambda point: [forward(point[0])])
    assert forward_precision(evaluator, [vector(0.3, 1.7)]) == eps
    assert forward_precision(evaluator, [vector(0.3), vector(1.0).half()]) == max(eps, 2**-10)


def test_complex64_inside_is_left_to_the_measurement():
    line = line_of(to_complex64, POINTS)
    evaluator = SimpleNamespace(forward=lambda point: [to_complex64(point[0])])
    assert forward_precision(evaluator, [POINTS]) == EPS
    assert FLOAT32 / 8 <= measured_precision(line) <= FLOAT32 / 2


@pytest.mark.parametrize(
    ("dtypes", "eps"),
    [
        ((), EPS),
        ((torch.float64,), EPS),
        ((torch.complex128,), EPS),
        ((torch.complex64,), FLOAT32),
        ((torch.float64, torch.float32), FLOAT32),
        ((torch.bfloat16, torch.float32), BFLOAT16),
        ((torch.float16,), 2**-10),
    ],
)
def test_input_precision_is_that_of_the_coarsest_input(dtypes, eps):
    assert input_precision([torch.ones(2, dtype=dtype) for dtype in dtypes]) == eps
