"""The sample lies on a kink of forward.

There the one-sided derivatives differ, every value between them is a legitimate gradient, and gradcheck calls right
code wrong. The gradient was judged beside the sample instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd._rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd._probe import Probe

SEVERITY = "note"
FIX = "Nothing is wrong; to let gradcheck pass too, pass inputs that stay away from the kink."
SKILL = "verification/kinks"


def find(probe: Probe) -> Iterator[Evidence]:
    """Ask whether the judge met one-sided slopes that do not close."""
    if probe.values.kinked:
        yield Evidence("the sample lies on a kink of forward: one-sided derivatives differ there")
