"""backward changes a saved tensor in place.

A saved input is the caller's own tensor, even a parameter: its value changes under the caller's
hands, and a second backward gives another gradient or raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, written

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Compute out of place, or clone the saved tensor before writing to it."
SKILL = "in-place/saved-tensors"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the bytes of each saved tensor before and after backward; one that is declared is a note."""
    for write in probe.writes.saved:
        yield written("backward", write, probe.source.of_mutation("backward"))
