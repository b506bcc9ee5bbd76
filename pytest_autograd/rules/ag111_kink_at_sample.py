"""The sample lies on a kink of forward.

There the one-sided derivatives differ, every value between them is a legitimate gradient, and gradcheck calls right
code wrong. The gradient was judged beside the sample instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
FIX = "Nothing is wrong; to let gradcheck pass too, pass inputs that stay away from the kink."
SKILL = "verification/kinks"


def find(probe: Probe) -> Iterator[Evidence]:
    """Ask whether the judge met one-sided slopes that do not close."""
    if not probe.numbers.first_order.kinked:
        return
    name = probe.non_finite.at_sample
    if name is None:
        yield Evidence("the sample lies on a kink of forward: one-sided derivatives differ there")
    else:
        yield Evidence(
            f"the sample lies on a kink of forward, and the gradient of {name} is not finite there",
            argument=name,
            severity="warning",
            fix="Return a finite value at the kink, such as zero, or keep inputs away from it: a NaN spoils the step.",
        )
