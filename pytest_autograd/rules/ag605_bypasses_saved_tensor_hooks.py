"""A tensor reaches backward inside an object on ctx.

Checkpointing, offloading and memory accounting work through hooks on save_for_backward; a tensor
inside an object or closure escapes them, and in-place writes to it go unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import is_output, shape, tensors_in_objects
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Save tensors with save_for_backward, and keep the rest of the object on ctx."
SKILL = "memory/saved-tensor-hooks"


def find(probe: Probe) -> Iterator[Evidence]:
    """Look into objects and closures on ctx; the caller's own parameters are no activations, an output is AG202's."""
    trace = probe.run.trace
    for name, tensor in tensors_in_objects(trace.ctx_attributes()).items():
        if any(tensor is linked for linked in probe.call.shared) or is_output(tensor, trace):
            continue
        yield Evidence(f"ctx.{name} holds a tensor ({shape(tensor)}) past save_for_backward")
