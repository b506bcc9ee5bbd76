"""forward or backward uses state that another call changes.

What forward leaves on the class, a module or a global belongs to the latest call. As soon as two
calls are in flight (two layers, two micro-batches, recomputation) the first one's backward uses the
second one's values. A forward that counts its calls is another function when checkpointing runs it
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Keep what backward needs on ctx: tensors through save_for_backward, the rest as attributes."
SKILL = "ctx/no-state-outside"
EXPLAINED_BY = ("AG209", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Call forward twice; then run another call between forward and backward."""
    unsteady = probe.state.repeated_forward
    if unsteady is not None:
        yield Evidence(
            f"{unsteady.argument} differs when forward is called again on the same inputs",
            output=unsteady.argument,
            max_error=unsteady.error,
        )
        return
    changed = probe.state.interleaved
    if changed is not None:
        yield Evidence(
            f"the gradient of {changed.argument} changes when another call comes between forward and backward",
            argument=changed.argument,
            max_error=changed.error,
            place=probe.source.of_backward,
        )
