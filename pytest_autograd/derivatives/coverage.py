"""Was anything compared? What a judgement that all is well does not speak of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pytest_autograd.derivatives.directional_test import RESOLVED, Judgement
from pytest_autograd.derivatives.finite_differences import SIGMAS
from pytest_autograd.derivatives.tangents import signed_bounded, size
from pytest_autograd.derivatives.trials import Trials
from pytest_autograd.derivatives.verdicts import Trial
from pytest_autograd.errors import NotApplicable


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


def why_not_all_was_compared(draws: Trials, trials: Sequence[Trial]) -> str | None:
    """Say which arguments are flat at the point of ``trials`` and at others; None if none is."""
    if is_flat(trials):
        return FLAT
    flat = [i for i in _flat_arguments(trials) if not _is_confirmed_elsewhere(draws, i)]
    which = ", ".join(draws.evaluator.names[i] for i in flat)
    return (
        f"the gradient of {which} is zero at these inputs and at others, so nothing of it was told apart: "
        "give inputs where it matters"
        if flat
        else None
    )


def _flat_arguments(trials: Sequence[Trial]) -> list[int]:
    """Return the places of the arguments whose gradient is zero in every trial; None says that there is none."""
    gradients = zip(*(trial.got for trial in trials), strict=True)
    return [
        i
        for i, each in enumerate(gradients)
        if not any(g is None or bool(g.any()) for g in each) and trials[0].point[i].numel()
    ]


def _is_confirmed_elsewhere(draws: Trials, place: int) -> bool:
    """Whether backward is right where an argument has other values, and its gradient is not zero."""
    for point in _elsewhere(draws.evaluator.point, place, draws.generator):
        try:
            trial = draws.draw(point)[0]
        except NotApplicable:  # outside of forward's domain
            continue
        gradient = trial.got[place]
        if gradient is not None and bool(gradient.any()):
            return draws.judge_trial(trial, [place]).status == "ok"
    return False


def _elsewhere(
    point: Sequence[Tensor], place: int, generator: torch.Generator
) -> Iterator[list[Tensor]]:
    """Yield points at which one argument has other signs, magnitudes and values."""
    x = point[place]
    drawn = signed_bounded([x], generator)[0]
    for other in (-x, drawn, 10 * x, x / 10, x + 5, x - 5):
        yield [*point[:place], other, *point[place + 1 :]]


def unresolved_arguments(trial: Trial, judgement: Judgement) -> list[int]:
    """Return the places of the arguments whose share of the slope is too small for its error to be seen."""
    uncertain = SIGMAS * judgement.best.uncertainty
    shares = [size([g], [u]) for g, u in zip(trial.got, trial.along, strict=True)]
    return [i for i, share in enumerate(shares) if RESOLVED * share <= uncertain]
