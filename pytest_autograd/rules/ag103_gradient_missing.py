"""backward returns None for an input that matters.

None means "this argument has no influence on the outputs". The engine believes it, and the argument never trains.
Where no tensor of the call requires grad, nobody asked for that gradient: then it is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.explain import worst_element
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import ValueFacts

ABOUT = "values"
SEVERITY = "error"
FIX = (
    "Return the gradient of this argument; None only where needs_input_grad says that nobody asks."
)
SKILL = "gradients/none-for-an-input"


def find(probe: ValueFacts) -> Iterator[Evidence]:
    """Look for arguments without a gradient that forward depends on."""
    for argument in probe.numbers.first_order.arguments:
        if argument.status == "missing":
            index, expected, _ = worst_element(argument)
            place = probe.source.of_gradient(argument.name)
            yield Evidence(
                f"backward returns None for {argument.name}, but forward depends on it",
                argument=argument.name,
                index=index,
                expected=expected,
                place=place,
            )
    for slot in probe.call.slots:
        if slot.unasked:
            yield Evidence(
                f"backward returns None for {slot.name}, but forward depends on it; it does not require grad",
                argument=slot.name,
                place=probe.source.of_gradient(slot.name),
                severity="warning",
                fix=f"If callers may differentiate {slot.name}, return its gradient; else pass the others with "
                "requires_grad=True.",
            )
