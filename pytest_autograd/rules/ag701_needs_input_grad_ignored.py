"""backward computes gradients that nobody asked for.

With one argument frozen, whole matrix products or convolutions are still computed for it and thrown
away: up to half of the backward pass of a linear layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Compute each gradient under `if ctx.needs_input_grad[i]:` and return None otherwise."
SKILL = "ctx/needs-input-grad"


def find(probe: Probe) -> Iterator[Evidence]:
    """Freeze each argument and trace which products no needed gradient is made from."""
    found = [found for found in probe.partial_gradients.wasted_work if found.wasted]
    if found:
        worst = max(found, key=lambda one: one.wasted)
        names = " or ".join(one.frozen for one in found)
        share = worst.wasted / worst.total
        yield Evidence(
            f"with {names} frozen, {worst.wasted:,} of {worst.total:,} floating-point operations of backward "
            f"({share:.0%}) are for nothing",
            argument=worst.frozen,
            place=probe.source.of_gradient(worst.frozen),
        )
