"""The second derivative is silently wrong.

Double backward runs and gives a number that is not the derivative of the first gradient. Nearly
always an intermediate computed in forward was saved: autograd has no graph for it, so its share of
the second derivative is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.errors import NotApplicable
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import ValueFacts

ABOUT = "values"
SEVERITY = "error"
FIX = (
    "Recompute the intermediate in backward from saved inputs, or return it as an output; or "
    "mark backward @once_differentiable."
)
SKILL = "double-backward/saved-intermediates"
EXPLAINED_BY = ("AG101", "AG102", "AG103", "AG202", "AG206", "AG301", "AG302", "AG303", "AG307")


def find(probe: ValueFacts) -> Iterator[Evidence]:
    """Compare double backward with finite differences of the first gradient."""
    second, values = probe.numbers.second_order, probe.numbers.first_order
    inexact = max((a.error for a in values.arguments if a.status == "inexact"), default=0.0)
    if second.status == "wrong" and second.judgement is not None:
        if second.judgement.discrepancy <= 1000 * inexact:
            raise NotApplicable("the first derivative is inexact by as much (AG113)")
        what = "wrong" if math.isfinite(second.judgement.claimed) else "not finite"
        names = ", ".join(second.blamed) or "the arguments"
        yield Evidence(
            f"the second derivative by {names} is {what} in {values.dtypes}",
            argument=second.blamed[0] if second.blamed else None,
            expected=second.judgement.best.value,
            got=second.judgement.claimed,
            max_error=second.judgement.discrepancy,
            place=probe.source.of_backward,
        )
