"""backward fails on an empty or 0-dim input that forward takes.

Empty batches occur at the end of an epoch and in sharded training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, breaking

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Handle numel() == 0 and dim() == 0 in backward, or refuse them in forward."
SKILL = "layouts/empty-and-scalar"
LEVEL = "full"


def find(probe: Probe) -> Iterator[Evidence]:
    """Call with an empty and with a 0-dim input; an empty batch happens, other empty axes are seldom meant."""
    found = probe.partial_gradients.empty_or_scalar
    if found is not None:
        leading = {
            slot.value.shape[0]
            for slot in probe.call.slots
            if slot.differentiated and slot.value.dim()
        }
        batch = any(found.where == f"with size 0 in place of {n}" for n in leading)
        evidence = breaking("backward", found, probe.source.of_backward)
        yield evidence if batch else replace(evidence, severity="note")
