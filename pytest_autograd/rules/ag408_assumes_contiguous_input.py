"""The Function takes an input for contiguous.

The same values in another memory layout give other results: strides are ignored somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, breaking

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Call x.contiguous() before a kernel or view, or use reshape."
SKILL = "layouts/inputs"
EXPLAINED_BY = ("AG107", "AG206", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Pass equal inputs in a transposed memory layout."""
    found = probe.layouts.inputs
    if found is not None:
        yield breaking("the Function", found, probe.source.of_backward)
