"""forward or backward reads .data.

It takes the tensor out of autograd without a trace: writes through it go unnoticed by the version
check, and second derivatives lose a term.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Use .detach() to read, and out-of-place operations to write."
SKILL = "in-place/data-attribute"


def find(probe: Probe) -> Iterator[Evidence]:
    """Read the source of forward and backward."""
    for place in probe.source.data_attributes:
        yield Evidence(
            ".data takes a tensor out of autograd unnoticed", place=place, seen_by="source"
        )
