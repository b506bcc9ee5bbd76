"""backward raises, or returns what the engine refuses.

Training stops at the first backward pass. Where the author's code itself raises, the line is named; where the
engine refuses the returned gradients (a gradient for a non-tensor, a complex one for a real input), its words are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, raised

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Mend the line that raises; return one gradient of the input's own kind for each input, None for non-tensors."
SKILL = "debugging/errors-in-backward"
EXPLAINED_BY = ("AG004", "AG205", "AG401", "AG404", "AG405")


def find(probe: Probe) -> Iterator[Evidence]:
    """Look at the first observed backward pass."""
    first = probe.run.backward_runs[0]
    if first.error is not None:
        yield raised("backward raises", first.error)
    elif first.refused is not None:
        yield raised(
            "the engine refuses what backward returned", first.refused, probe.source.of_backward
        )
