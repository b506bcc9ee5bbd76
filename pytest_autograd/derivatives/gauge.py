"""Outputs that are no function of the inputs but for a choice: signs of eigenvectors, a basis of a null space.

What another choice leaves as it is, squares of the elements or the projector on the basis, is judged in their place.
A Function that is right there is not wrong, and not confirmed either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.derivatives.compare import apart
from pytest_autograd.derivatives.contracts import decide
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import beside
from pytest_autograd.derivatives.verdicts import ArgumentVerdict, FirstOrder
from pytest_autograd.errors import NotApplicable
from pytest_autograd.options import Options

TINY = 1e-9  # moves of the inputs that leave a function where it is
NEIGHBOURS = 6
ANOTHER, SAME = 1e-2, 1e-5
SIGNS, BASIS = "signs", "the choice of a basis"


def or_up_to_gauge(values: FirstOrder, evaluator: Evaluator, options: Options) -> FirstOrder:
    """Return the verdict, or say that it cannot be had where only what no choice changes is a function, and right."""
    if values.confirmed or values.vacuous or options.contract is not None:
        return values
    choice = choice_of(evaluator)
    if choice is None or not _is_right_without(choice, evaluator, options):
        return values
    reason = (
        f"forward is a function of its inputs up to {choice} only; what that cannot change is right"
    )
    arguments = [ArgumentVerdict(name, "unresolved") for name in values.names]
    return replace(
        values, arguments=arguments, reason=reason, vacuous=True, up_to=choice, judgements=[]
    )


def choice_of(evaluator: Evaluator) -> str | None:
    """Return what forward chooses as it pleases, None where it chooses nothing."""
    point, call, seed = evaluator.point, evaluator.call, evaluator.seed
    generator = torch.Generator().manual_seed(seed)
    try:
        here = evaluator.forward(point)
        again = [evaluator.forward(beside(point, TINY, generator)) for _ in range(NEIGHBOURS)]
        again.append(Evaluator(call, seed + 1).forward(point))
    except NotApplicable:
        return None
    for y, others in zip(here, zip(*again, strict=True), strict=True):
        moved = [other for other in others if apart(y, other) > ANOTHER]
        if moved and all(apart(y.abs(), other.abs()) < SAME for other in moved):
            return SIGNS
        if _is_basis(y) and (_spans_null_space(y, point) or _same_spans(y, moved)):
            return BASIS
    return None


def _is_basis(y: Tensor) -> bool:
    """Whether the columns are orthonormal, more than one and not all that there can be."""
    if y.dim() != 2 or not 1 < y.shape[1] < y.shape[0]:
        return False
    return apart(torch.eye(y.shape[1], dtype=y.dtype, device=y.device), y.mH @ y) < SAME


def _spans_null_space(y: Tensor, point: Sequence[Tensor]) -> bool:
    """Whether an argument maps all columns to zero."""
    fitting = (a for a in point if a.dim() == 2 and a.shape[1] == y.shape[0] and a.dtype == y.dtype)
    return any(float((a @ y).abs().max()) < SAME * float(a.abs().max()) for a in fitting)


def _same_spans(y: Tensor, others: Sequence[Tensor]) -> bool:
    return bool(others) and all(apart(y @ y.mH, z @ z.mH) < SAME for z in others)


def _is_right_without(choice: str, evaluator: Evaluator, options: Options) -> bool:
    invariant = _squares if choice == SIGNS else _projector
    try:
        return decide(
            Evaluator(_after(evaluator.call, invariant), evaluator.seed), options
        ).confirmed
    except NotApplicable:
        return False


def _after(call: Call, invariant: Any) -> Call:
    """Return the call of a callable: what a choice leaves of the outputs."""

    def target(*args: Any, **kwargs: Any) -> Any:
        return pytree.tree_map(invariant, call.target(*args, **kwargs))

    return replace(call, target=target, function=None)


def _squares(y: Any) -> Any:
    return (y * y.conj()).real if isinstance(y, Tensor) and differentiable(y) else y


def _projector(y: Any) -> Any:
    return y @ y.mH if isinstance(y, Tensor) and differentiable(y) and y.dim() == 2 else y
