"""backward fails on an empty or 0-dim input that forward takes.

Empty batches occur at the end of an epoch and in sharded training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_autograd._rule import Evidence, breaking

if TYPE_CHECKING:
    from pytest_autograd._probe import Probe

SEVERITY = "warning"
FIX = "Handle numel() == 0 and dim() == 0 in backward, or refuse them in forward."
SKILL = "layouts/empty-and-scalar"
LEVEL = "full"


def find(probe: Probe) -> Iterator[Evidence]:
    """Call with an empty and with a 0-dim input."""
    found = probe.degenerate
    if found is not None:
        scalar = found.where == "with a 0-dim input"
        evidence = breaking("backward", found, probe.place_of_backward)
        yield replace(evidence, severity="note") if scalar else evidence
