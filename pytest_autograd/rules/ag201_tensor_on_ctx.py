"""A tensor is kept as an attribute of ctx.

Only save_for_backward lets autograd notice an in-place write to the tensor before backward, lets
saved-tensor hooks (offloading, checkpointing) see it, and frees it with the graph. On an attribute
the gradient goes silently wrong once the tensor is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import (
    hung_on_arguments,
    input_name,
    is_output,
    passed_inside,
    shape,
    tensors_on,
)
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = (
    "Pass the tensor to ctx.save_for_backward and read it from ctx.saved_tensors in backward; "
    "keep only non-tensors on ctx."
)
SKILL = "ctx/saving-tensors"


def find(probe: Probe) -> Iterator[Evidence]:
    """Look at what forward left on ctx; an output there is AG202's."""
    trace = probe.run.trace_or_error
    kept = tensors_on(trace.ctx_attributes())
    passed = passed_inside(probe.call, trace) if kept else set()
    hung = hung_on_arguments(trace) if kept else set()
    whole: dict[str, list[str]] = {}
    for name, tensor in kept.items():
        if is_output(tensor, trace) or id(tensor) in hung:
            continue
        if id(tensor) in passed:
            whole.setdefault(name.partition("[")[0], []).append(shape(tensor))
            continue
        role = input_name(tensor, probe.call, trace)
        what = f"the input {role}" if role else "an intermediate"
        stale = role is not None and probe.state.goes_stale(role)
        detail = (
            "; changed in place after the call, it silently gives another gradient" if stale else ""
        )
        yield Evidence(f"ctx.{name} holds {what} ({shape(tensor)}){detail}", argument=role)
    for name, shapes in whole.items():
        count = "a tensor" if len(shapes) == 1 else f"{len(shapes)} tensors"
        yield Evidence(f"ctx.{name} holds {count} of an argument ({', '.join(shapes[:3])})")
