"""Under autocast the gradient breaks.

Autocast changes the dtypes that forward sees inside, while backward runs outside of it: products of
float32 and bfloat16 raise, or precision is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, differing

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Decorate forward with torch.amp.custom_fwd and backward with torch.amp.custom_bwd, or cast "
    "inside forward."
)
SKILL = "transforms/autocast"
EXPLAINED_BY = ("AG309",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Run forward under CPU autocast to bfloat16 and backward outside."""
    found = probe.compilers.autocast
    if found is not None:
        yield differing(found, probe.source.of_backward)
