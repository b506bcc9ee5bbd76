"""A returned gradient has another dtype than its input.

The engine casts it silently: precision was lost on the way, or memory was spent on the wider one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import is_tensor
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Allocate in the input's dtype, and cast the result once: grad.to(x.dtype)."
SKILL = "gradients/dtype"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the dtypes that backward returned, before the engine cast them, with the inputs'."""
    run = probe.run.returned_backward
    if probe.call.autocast is not None:
        return  # under autocast a gradient comes in its dtype, and the engine casts it
    for slot in probe.call.slots:
        gradient = run.returned[slot.position] if slot.position < len(run.returned) else None
        if (
            slot.differentiated
            and is_tensor(gradient)
            and gradient.dtype != slot.value.dtype
            and run.refused is None
        ):
            kinds = [
                str(dtype).removeprefix("torch.") for dtype in (gradient.dtype, slot.value.dtype)
            ]
            yield Evidence(
                f"the gradient of {slot.name} is {kinds[0]}, the input {kinds[1]}: the engine casts it",
                argument=slot.name,
                place=probe.source.of_gradient(slot.name),
            )
