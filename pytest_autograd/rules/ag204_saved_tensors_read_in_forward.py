"""ctx.saved_tensors is read in forward.

During forward it is an empty tuple, whatever was saved before: nothing raises by itself, and what
is computed from it is not what was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Use the local variables in forward; read ctx.saved_tensors in backward only."
SKILL = "ctx/saved-tensors-in-forward"


def find(probe: Probe) -> Iterator[Evidence]:
    """Look at reads of saved_tensors before forward returned."""
    attempt = probe.run.trace_or_error
    for place in dict.fromkeys(attempt.reads_in_forward):
        broke = attempt.error is not None and not attempt.returned
        tail = ", and forward fails on it" if broke else ""
        yield Evidence(
            f"ctx.saved_tensors is read in forward, where it is always empty{tail}",
            place=place,
            severity="error" if broke else None,
        )
