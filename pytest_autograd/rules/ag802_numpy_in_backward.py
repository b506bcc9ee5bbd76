"""backward goes through NumPy and is not marked once differentiable.

The gradient has no graph: a second derivative raises or is silently missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Mark backward @torch.autograd.function.once_differentiable, or use torch operations."
SKILL = "double-backward/numpy-in-backward"
EXPLAINED_BY = ("AG501", "AG502")


def find(probe: Probe) -> Iterator[Evidence]:
    """Read the source of backward."""
    if probe.run.twice_differentiable:
        for place in probe.source.numpy_in_backward:
            yield Evidence(
                "backward calls numpy() and is not marked @once_differentiable",
                place=place,
                seen_by="source",
            )
