"""Solvers that stop by themselves: what they compute is exact to their own tolerance, and so is its derivative."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import beside
from pytest_autograd.derivatives.verdicts import FirstOrder
from pytest_autograd.errors import NotApplicable
from pytest_autograd.places import has_loop
from pytest_autograd.running.author_code import run_forward

ROUGHLY = 0.02  # relative error that a loose tolerance explains
TOLERANCE = "the tolerance at which it stops"
MOVES = (0.01, 0.1, 0.3, 1.0)
TWICE = 2


def or_up_to_tolerance(values: FirstOrder, evaluator: Evaluator) -> FirstOrder:
    """Return the verdict, or say that it cannot be had of a solver that stops by itself."""
    if not is_within_tolerance(values, evaluator):
        return values
    error = max(argument.error for argument in values.arguments)
    arguments = [replace(a, status="unresolved") for a in values.arguments]
    reason = (
        f"forward stops by itself after more or fewer steps, and the gradient is off by {error:.1g} of its size, which "
        "its tolerance may explain: tighten it for the check"
    )
    return replace(values, arguments=arguments, reason=reason, vacuous=True, up_to=TOLERANCE)


def is_within_tolerance(values: FirstOrder, evaluator: Evaluator) -> bool:
    """Whether gradients are wrong by no more than the tolerance explains at which forward stops by itself."""
    wrong = [a for a in values.arguments if a.status in ("wrong", "missing")]
    small = all(a.status == "wrong" and a.error <= ROUGHLY for a in wrong)
    return bool(wrong) and small and _stops_by_itself(evaluator)


def _stops_by_itself(evaluator: Evaluator) -> bool:
    """Whether forward takes other numbers of operations at other values of the same sizes.

    Two numbers may be those of a branch, where no loop is seen.
    """
    function = evaluator.call.function
    if function is None:
        return False
    enough = 2 if has_loop(function.forward) else 3
    generator = torch.Generator().manual_seed(evaluator.seed)
    points = [evaluator.point, *(beside(evaluator.point, by, generator) for by in MOVES * TWICE)]
    try:
        return len({_operations(evaluator, point) for point in points}) >= enough
    except NotApplicable:
        return False


def _operations(evaluator: Evaluator, point: list[torch.Tensor]) -> int:
    counter = _Counter()
    run_forward(evaluator.call, evaluator.call.filled(point), seed=evaluator.seed, around=counter)
    return counter.count


class _Counter(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))
