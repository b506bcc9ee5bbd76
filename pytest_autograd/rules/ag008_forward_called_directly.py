"""forward is called directly, not through apply.

The custom backward is bypassed: autograd differentiates what forward happens to do, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Call Fn.apply(...)."
SKILL = "template/call-apply"


def find(probe: Probe) -> Iterator[Evidence]:
    """Profile the callable for calls of forward outside apply."""
    for name in probe.unseen_tensors.direct_forwards:
        yield Evidence(f"{name}.forward is called directly: its backward is bypassed")
