"""backward returns a gradient for an argument that is no tensor.

The engine raises. Most often the Nones are misaligned: one return value per argument of forward, in
order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Return None at the place of each non-tensor argument."
SKILL = "template/one-gradient-per-input"
EXPLAINED_BY = ("AG006",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the places of returned gradients with those of tensors."""
    from pytest_autograd.call.tensors import tensors_within

    run = probe.run.returned_backward
    tensors = {slot.position for slot in probe.call.slots}
    arguments, _ = probe.call.rebuild([slot.value for slot in probe.call.slots])
    for position in range(min(len(run.returned), len(run.needs_input_grad))):
        if position not in tensors and run.returned[position] is not None:
            holds_tensors = any(tensors_within(arguments[position : position + 1], ""))
            yield Evidence(
                f"backward returns a gradient at place {position}, where forward takes no tensor",
                place=probe.source.of_return(position),
                despite=() if holds_tensors else ("AG006",),
            )
