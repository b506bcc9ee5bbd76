"""The gradient is right at the given sizes and wrong at others.

A tail block that is skipped, a missing 1/N that N = 1 hides, a squeeze that drops a batch of one, a size
written into the code: whatever the test size hides shows on the first batch of another size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.explain import explain_there
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

ABOUT = "values elsewhere"
SEVERITY = "error"
DEAR = True
FIX = "Derive the gradient for any size, and test odd sizes and a batch of one; refuse in forward what is not meant."
SKILL = "verification/other-sizes"
LEVEL = "full"
EXPLAINED_BY = ("AG104", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Judge the gradient with each size changed wherever it occurs, and with axes more, fewer or broadcast."""
    told = set()
    for wrong in probe.other_inputs.sizes:
        found = explain_there(probe, wrong, FIX)
        told.add(found.argument)
        yield found
    for wrong in probe.other_inputs.ranks:
        found = explain_there(probe, wrong, FIX)
        if found.argument not in told:
            yield replace(found, severity="warning")
