"""No output requires grad, although an input does.

The Function looks differentiable and is a dead end: every gradient upstream of it is missing. Usual causes: outputs
returned in a list (autograd sees only a tensor or a tuple of tensors), or all of them marked non-differentiable.
Where only some outputs are marked so that vary smoothly, this is a note: the author may mean it, as for statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Return a tensor or a flat tuple of tensors, and mark as non-differentiable only indices and masks."
SKILL = "ctx/non-differentiable-outputs"


def find(probe: Probe) -> Iterator[Evidence]:
    """Look for an output that requires grad, then at those that do not."""
    trace = probe.run.trace
    if not trace.node_outputs:
        kind = type(trace.output).__name__
        what = f"a {kind}" if not trace.outputs else "tensors that do not require grad"
        yield Evidence(f"no output requires grad: forward returns {what}")
        return
    for name in probe.unseen_tensors.cut_outputs:
        yield Evidence(
            f"{name} varies smoothly with the inputs and is marked non-differentiable: a loss on it trains nothing",
            output=name,
            severity="note",
        )
