"""The methods that the benchmarks compare: each says whether it saw a fault in a Function."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from pytest_autograd.call.target import make_call
from pytest_autograd.checking import make_options
from pytest_autograd.derivatives.autograd_reference import ReferenceGradients
from pytest_autograd.derivatives.first_order import TRIALS
from pytest_autograd.derivatives.precision import forward_precision
from pytest_autograd.derivatives.trials import Trials
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Subject
from pytest_autograd.facts.probe import Probe

SEEN = ("wrong", "inexact", "missing")
STEP = torch.finfo(torch.float64).eps ** (1 / 3)
ONE_DIRECTION_TOLERANCE = 1e-5  # absolute and relative, as JAX's check_grads has it for float64


def probe(function: Any, args: Sequence[Any], seed: int) -> Probe:
    """Return the facts about one call, at level quick and without a time limit."""
    call, options = make_call(function, args, {}), make_options(level="quick")
    return Probe(Subject(call, options, seed, math.inf))


def seen_by_us(function: Any, args: Sequence[Any], seed: int) -> bool:
    """Judge and witness together: AG101, AG103 or AG113."""
    values = probe(function, args, seed).numbers.first_order
    return any(argument.status in SEEN for argument in values.arguments)


def seen_by_judge(function: Any, args: Sequence[Any], seed: int) -> bool:
    """The judge without the witness, which is what remains for a forward that is a kernel."""
    evaluator = probe(function, args, seed).numbers.evaluator
    point = evaluator.point
    precision = forward_precision(evaluator, point)
    trials = Trials(evaluator, _no_witness, seed, 1e-4, precision)
    drawn = trials.draw(point, TRIALS)
    return any(trials.judge_trial(trial, range(len(point))).status == "wrong" for trial in drawn)


def _no_witness(point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> ReferenceGradients:
    raise NotApplicable("hidden")


def gradcheck_slow(function: Any, args: Sequence[Any], seed: int) -> bool:
    """torch's gradcheck as it is by default."""
    torch.manual_seed(seed)
    return not gradcheck_passes(function, args, fast_mode=False)


def gradcheck_fast(function: Any, args: Sequence[Any], seed: int) -> bool:
    """torch's gradcheck with ``fast_mode=True``."""
    torch.manual_seed(seed)
    with _short_message():
        return not gradcheck_passes(function, args, fast_mode=True)


def gradcheck_passes(function: Any, args: Sequence[Any], fast_mode: bool) -> bool:
    """Whether torch's gradcheck passes."""
    try:
        return torch.autograd.gradcheck(function.apply, tuple(args), fast_mode=fast_mode)
    except GradcheckError:
        return False


def gradgradcheck_passes(function: Any, args: Sequence[Any], fast_mode: bool) -> bool:
    """Whether torch's gradgradcheck passes."""
    try:
        return torch.autograd.gradgradcheck(function.apply, tuple(args), fast_mode=fast_mode)
    except GradcheckError:
        return False


@contextmanager
def _short_message() -> Iterator[None]:
    """Keep a failing fast_mode from repeating the slow check only to word its message."""
    module: Any = sys.modules["torch.autograd.gradcheck"]
    worded = module._run_slow_mode_and_get_error
    module._run_slow_mode_and_get_error = lambda *_: ""
    try:
        yield
    finally:
        module._run_slow_mode_and_get_error = worded


def one_direction(function: Any, args: Sequence[Any], seed: int) -> bool:
    """One Gaussian direction and one central difference, in the style of JAX's check_grads."""
    draw = torch.Generator().manual_seed(seed)

    def gaussian(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=draw, dtype=like.dtype)

    places = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
    leaves = [args[i].detach().clone().requires_grad_() for i in places]
    tangents = [gaussian(leaf) for leaf in leaves]

    def output(t: float) -> Tensor:
        given = list(args)
        for place, leaf, tangent in zip(places, leaves, tangents, strict=True):
            given[place] = leaf + t * tangent
        return function.apply(*given)

    base = output(0.0)
    cotangent = gaussian(base)
    gradients = torch.autograd.grad(base, leaves, cotangent)
    with torch.no_grad():
        measured = (output(STEP) - output(-STEP)) / (2 * STEP)
    want = torch.vdot(cotangent.reshape(-1), measured.reshape(-1)).real
    pairs = zip(gradients, tangents, strict=True)
    got = sum(torch.vdot(g.reshape(-1), u.reshape(-1)).real for g, u in pairs)
    return not math.isclose(
        got, want, rel_tol=0.0, abs_tol=ONE_DIRECTION_TOLERANCE * (1 + abs(want))
    )
