"""backward changes grad_output in place.

The tensor belongs to the engine and may be shared with other branches of the graph, whose gradients
are then wrong. Neither gradcheck nor an exception tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Compute out of place: grad_input = grad_output * mask, or clone grad_output first."
SKILL = "in-place/grad-output"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the bytes of each grad_output before and after backward."""
    first = probe.run.backward_runs[0]
    for position in first.changed_grads:
        name = "grad_output" if len(first.received) == 1 else f"grad_output[{position}]"
        yield Evidence(
            f"backward changes {name} in place", place=probe.source.of_mutation("backward")
        )
