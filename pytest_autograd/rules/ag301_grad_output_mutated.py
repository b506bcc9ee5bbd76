"""backward changes grad_output in place.

The tensor belongs to the engine and may be shared with other branches of the graph, whose gradients
are then wrong. Neither gradcheck nor an exception tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, written

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Compute out of place: grad_input = grad_output * mask, or clone grad_output first."
SKILL = "in-place/grad-output"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the bytes of each grad_output before and after backward; one that is declared is a note."""
    for write in probe.writes.grad_outputs:
        yield written("backward", write, probe.source.of_mutation("backward"))
