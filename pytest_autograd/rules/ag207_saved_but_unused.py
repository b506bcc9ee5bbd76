"""A saved tensor is never used by backward.

It is kept in memory from forward to backward for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import shape
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Drop it from save_for_backward; if backward reads its shape only, keep that on ctx."
SKILL = "memory/unused-saves"
EXPLAINED_BY = ("AG101", "AG102", "AG103")


def find(probe: Probe) -> Iterator[Evidence]:
    """Replace each saved tensor by several poisons and see whether any gradient changes."""
    for position in probe.saved_tensors.unused:
        save = probe.run.trace.saves[-1]
        yield Evidence(
            f"saved tensor {position} ({shape(save.values[position])}) never changes a gradient",
            place=save.place,
        )
