"""A floating input was not differentiated, since it does not require grad.

Its gradient, right or wrong, was never asked for. Told as well: a symmetric matrix of which forward reads one triangle,
which is checked as a symmetric matrix, not entry by entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
FIX = "If it may ever be trained, set requires_grad on it in the test."
SKILL = "verification/inputs-that-count"


def find(probe: Probe) -> Iterator[Evidence]:
    """Look for differentiable inputs that were left out, in whole or in part."""
    for name, domain in probe.domains.taken_for.items():
        yield Evidence(
            f"{name} is {domain}, and is taken to be: only changes within that set were checked",
            argument=name,
            fix="Nothing is wrong; to check entry by entry, give a matrix that is not so.",
        )
    slots = probe.call.slots
    if probe.call.function is not None:
        for name in probe.call.absent:
            yield Evidence(
                f"{name} was None: what becomes of one that is given was not checked",
                argument=name,
                fix="If it is an optional tensor, check a call with it as well.",
            )
        for slot in slots:
            if not (slot.differentiated or slot.unasked) and (
                slot.value.is_floating_point() or slot.value.is_complex()
            ):
                yield Evidence(
                    f"{slot.name} does not require grad: its gradient was not checked",
                    argument=slot.name,
                )
