"""An output is kept on ctx and forms a reference cycle.

The output owns its autograd node, the node is ctx, and ctx owns the output: nothing of it is freed
until the garbage collector runs, and with a view of the output never. Memory grows with every step
that skips backward.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import is_output, tensors_on
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Pass the output to ctx.save_for_backward, which stores it without the cycle."
SKILL = "ctx/saving-outputs"


def find(probe: Probe) -> Iterator[Evidence]:
    """Call forward, drop everything, and see whether the node lives on."""
    if probe.state.leak:
        trace = probe.run.trace
        names = [
            name for name, t in tensors_on(trace.ctx_attributes()).items() if is_output(t, trace)
        ]
        what = (
            f"ctx.{names[0]} holds an output"
            if names
            else "something on ctx refers back to an output"
        )
        yield Evidence(f"{what}: the graph outlives its outputs (a reference cycle)")
