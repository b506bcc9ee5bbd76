"""Offloading or checkpointing changes the numbers, or raises.

Saved-tensor hooks hand backward copies of what was saved, and checkpointing runs forward again for
backward. A backward that knows a tensor by its identity or address does not find it again; a forward that
draws from a random stream other than torch's, or saves by a counter, is another function the second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, differing

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Pass what backward needs to save_for_backward instead of looking it up by a tensor; draw from "
    "torch's default generator."
)
SKILL = "advanced/checkpointed-functions"
LEVEL = "full"
EXPLAINED_BY = ("AG107", "AG206", "AG309", "AG505")


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare with saved tensors offloaded, and under both kinds of checkpoint."""
    found = probe.checkpointing.difference
    if found is not None:
        yield differing(found, probe.source.of_backward)
