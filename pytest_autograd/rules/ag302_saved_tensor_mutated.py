"""backward changes a saved tensor in place.

A saved input is the caller's own tensor, even a parameter: its value changes under the caller's
hands, and a second backward gives another gradient or raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Compute out of place, or clone the saved tensor before writing to it."
SKILL = "in-place/saved-tensors"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the bytes of each saved tensor before and after backward."""
    for position in probe.run.backward_runs[0].changed_saved:
        yield Evidence(
            f"backward changes ctx.saved_tensors[{position}] in place",
            place=probe.source.of_mutation("backward"),
        )
