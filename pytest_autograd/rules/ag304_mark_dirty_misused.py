"""mark_dirty names an input that forward does not write to, or does not return.

A dirty input must be written in place and returned: torch raises if it is not returned, and rebases
a graph for nothing if it was not written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Call mark_dirty only for inputs that forward writes in place, and return each of them."
SKILL = "in-place/mark-dirty"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare what was marked dirty with what was written and returned."""
    attempt = probe.run.trace_or_error
    for i, argument in enumerate(attempt.arguments):
        if not any(argument is tensor for tensor in attempt.dirty):
            continue
        name = probe.call.slots[i].name
        if attempt.error is not None and "dirty" in str(attempt.error):
            yield Evidence(f"{name} is marked dirty and not returned", argument=name)
        elif attempt.error is None and i not in (*attempt.changed_inputs, *attempt.written_inputs):
            yield Evidence(
                f"{name} is marked dirty, but forward does not write to it",
                argument=name,
                severity="warning",
            )
