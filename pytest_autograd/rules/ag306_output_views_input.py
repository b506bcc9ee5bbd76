"""An output is a view of an input.

Autograd forbids in-place writes to it (with a custom Function it raises), and a write to the input
changes the output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import input_name
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
FIX = "Return a copy if callers may write to the output in place."
SKILL = "in-place/output-views"
EXPLAINED_BY = ("AG303",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the memory of outputs and inputs that are not marked dirty."""
    trace = probe.run.trace
    for name, output in trace.outputs:
        if not any(output is tensor for tensor in trace.dirty):
            owner = input_name(output, probe.call, trace)
            if owner is not None:
                yield Evidence(f"{name} shares memory with {owner}", output=name, argument=owner)
