"""Why gradcheck fails on a gradient that was confirmed: what its one fixed step does there, measured."""

from __future__ import annotations

import re
from typing import NamedTuple

from torch import Tensor

from pytest_autograd.derivatives.oracle import GradientOracle
from pytest_autograd.derivatives.tangents import inner, size
from pytest_autograd.derivatives.verdicts import FirstOrder, Trial

STEP = 1e-6  # of gradcheck, if not chosen otherwise
TOO_FAR = 1e-3  # relative error of its difference quotient from which gradcheck fails
CLEARLY = 5.0
OTHER_STEPS = (1 / 32, 32.0, 1024.0)
WORKS_IN_FLOAT64 = 1e-9
NOT_REPEATED = "not reentrant"
RAISED = re.compile(r"\w+(Error|Exception): ")


class Doubt(NamedTuple):
    """Why the referee is not believed, in words, and the mend."""

    cause: str
    fix: str


WRITES = Doubt(
    "tensors are changed in place, and it goes through one graph several times",
    "Mend the writes first; writes on purpose are declared, overwrites=[...].",
)


def doubt_gradcheck(
    evaluator: GradientOracle, values: FirstOrder, said: str | None, eps: float = STEP
) -> Doubt | None:
    """Return the cause that was found, None where there is none."""
    if said is not None and NOT_REPEATED in said:
        return Doubt(
            "two backward passes differ in their last digits, and it wants none",
            "Nothing is wrong; give it what reordered sums change, gradcheck_options={'nondet_tol': 1e-8}.",
        )
    if said is not None and RAISED.match(said):
        return Doubt(
            f"it raises: {said}",
            "Mend what raises; gradcheck sends zeros and undefined gradients too.",
        )
    if values.kinked:
        return Doubt(
            "the sample lies on a kink of forward",
            "Nothing is wrong; for gradcheck itself pass inputs that stay away from the kink.",
        )
    if values.precision > WORKS_IN_FLOAT64:
        return Doubt(
            f"forward rounds to {values.precision:.0e} inside, which a step of {eps:g} makes an error of "
            f"{values.precision / eps:.0e}",
            "Nothing is wrong; for gradcheck itself: gradcheck_options={'eps': 1e-2, 'atol': 1e-2}.",
        )
    trial = values.trials[0]
    at = _error(evaluator, trial, eps)
    if at < TOO_FAR:
        return None
    for factor in OTHER_STEPS:
        step = factor * eps
        error = _error(evaluator, trial, step)
        if error * CLEARLY < at:
            why = "rounding drowns" if factor > 1 else "forward curves within"
            size = "larger" if factor > 1 else "smaller"
            return Doubt(
                f"{why} its step: the difference quotient is off by {at:.0e} at {eps:g}, by {error:.0e} at {step:g}",
                f"Nothing is wrong; for gradcheck itself choose a {size} eps, gradcheck_options={{'eps': {step:g}}}.",
            )
    return None


def _error(evaluator: GradientOracle, trial: Trial, step: float) -> float:
    """Return the relative error of gradcheck's difference quotient: ``step`` is that of each element."""
    signs = [u.sgn() if not u.is_complex() else u / u.abs() for u in trial.along]

    def at(t: float) -> list[Tensor]:
        return evaluator.forward([x + t * u for x, u in zip(trial.point, signs, strict=True)])

    ahead, behind = at(step), at(-step)
    slopes = [(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)]
    claimed = inner(trial.got, signs)
    scale = max(size(trial.got, signs), abs(claimed))
    return abs(inner(trial.cotangents, slopes) - claimed) / scale if scale else 0.0
