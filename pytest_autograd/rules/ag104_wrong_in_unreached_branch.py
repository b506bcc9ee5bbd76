"""The gradient is right at the given inputs and wrong at others of the same sizes.

A branch, a clamp, a saturated region or repeated indices that the sample never reaches hide a wrong formula; the first
real batch that goes there trains in the wrong direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.explain import explain_there
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

ABOUT = "values elsewhere"
SEVERITY = "error"
DEAR = True
FIX = "Derive the gradient for this region too, and add such inputs to the test; refuse in forward what is not meant."
SKILL = "verification/other-points"
LEVEL = "full"
EXPLAINED_BY = ("AG102", "AG106", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Judge the gradient at other magnitudes and signs, random, special and complex values, and other options."""
    for wrong in probe.other_inputs.points:
        yield explain_there(probe, wrong, FIX)
