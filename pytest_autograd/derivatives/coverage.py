"""Was anything compared? What a judgement that all is well does not speak of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pytest_autograd.derivatives.directional_test import RESOLVED, Judgement
from pytest_autograd.derivatives.finite_differences import SIGMAS
from pytest_autograd.derivatives.tangents import size
from pytest_autograd.derivatives.verdicts import Trial


def elements(tensors: Sequence[Tensor]) -> int:
    """Return how many elements there are in all."""
    return sum(tensor.numel() for tensor in tensors)


def why_nothing_can_be_compared(point: Sequence[Tensor], outputs: Sequence[Tensor]) -> str | None:
    """Say why the call at ``point`` is no sample: nothing in it, or forward is not finite; None if it is one."""
    if not elements(point):
        return "nothing was compared: the differentiated inputs have no elements"
    if not elements(outputs):
        return "nothing was compared: the outputs have no elements"
    bad = sum(int((~torch.isfinite(y)).sum()) for y in outputs)
    if bad:
        nan = any(bool(torch.isnan(y).any()) for y in outputs)
        return (
            f"forward is {'NaN' if nan else 'infinite'} at {bad} of {elements(outputs)} outputs: "
            "give inputs in its domain"
        )
    return None


def is_flat(trials: Sequence[Trial]) -> bool:
    """Whether every gradient in every trial is zero: then a right one and a wrong one look alike."""
    return not any(g is not None and bool(g.any()) for trial in trials for g in trial.got)


FLAT = "the gradient is zero throughout at these inputs, so nothing was told apart: give inputs where forward changes"


def unresolved_arguments(trial: Trial, judgement: Judgement) -> list[int]:
    """Return the places of the arguments whose share of the slope is too small for its error to be seen."""
    uncertain = SIGMAS * judgement.best.uncertainty
    shares = [size([g], [u]) for g, u in zip(trial.got, trial.along, strict=True)]
    return [i for i, share in enumerate(shares) if RESOLVED * share <= uncertain]
