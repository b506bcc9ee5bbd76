"""A returned gradient has another shape than its input.

The engine raises unless the gradient can be summed down to the input's shape; then it sums
silently, which is right for a forgotten reduction over broadcast axes and wrong for anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import is_tensor
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Return a gradient of exactly the input's shape: sum over broadcast axes, reshape to "
    "input.shape."
)
SKILL = "gradients/shapes"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the shapes that backward returned, before the engine summed them, with the inputs'."""
    run = probe.run.returned_backward
    for slot in probe.call.slots:
        gradient = run.returned[slot.position] if slot.position < len(run.returned) else None
        if not slot.differentiated or not is_tensor(gradient) or gradient.shape == slot.value.shape:
            continue
        refused = run.refused is not None
        harmful = refused or probe.numbers.is_wrong(slot.name)
        effect = "the engine refuses it" if refused else "the engine sums it"
        yield Evidence(
            f"the gradient of {slot.name} has shape {list(gradient.shape)}, the input "
            f"{list(slot.value.shape)}: {effect}"
            + (" to a wrong value" * (harmful and not refused)),
            argument=slot.name,
            severity="error" if harmful else "note",
            place=probe.source.of_gradient(slot.name),
        )
