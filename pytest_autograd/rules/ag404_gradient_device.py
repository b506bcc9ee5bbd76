"""A returned gradient lies on another device than its input.

The engine refuses it: training stops at the first backward pass, on the machine that has the second device only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import is_tensor
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Allocate from a tensor that is there: torch.zeros_like(x), grad_output.new_zeros(shape)."
SKILL = "gradients/device"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the devices of what backward returned with those of the inputs."""
    run = probe.run.returned_backward
    for slot in probe.call.slots:
        gradient = run.returned[slot.position] if slot.position < len(run.returned) else None
        if slot.differentiated and is_tensor(gradient) and gradient.device != slot.value.device:
            yield Evidence(
                f"the gradient of {slot.name} is on {gradient.device}, the input on {slot.value.device}: the engine "
                "refuses it",
                argument=slot.name,
                place=probe.source.of_gradient(slot.name),
            )
