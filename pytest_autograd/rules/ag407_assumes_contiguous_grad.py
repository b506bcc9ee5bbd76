"""backward takes grad_output for contiguous.

Gradients arrive transposed, sliced or expanded (stride 0, from sum()) in ordinary training; a
kernel or a view that ignores strides reads other numbers or past the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, breaking

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Call grad_output.contiguous() before a kernel or view, or use reshape."
SKILL = "layouts/grad-output"
EXPLAINED_BY = ("AG107", "AG206", "AG301", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Send equal cotangents in other memory layouts."""
    found = probe.layouts.grad_output
    if found is not None:
        yield breaking("backward", found, probe.source.of_backward)
