"""forward changes an input in place without mark_dirty.

Autograd goes on with the version it knows: gradients of whatever else used the tensor are computed
from the new bytes, silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, written

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Work on a copy; or, if the Function is meant to be in place, call ctx.mark_dirty(input) "
    "and return that input."
)
SKILL = "in-place/inputs"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the bytes of each input before and after forward; one that is declared is a note."""
    for write in probe.writes.inputs:
        found = written("forward", write, probe.source.of_mutation("forward"))
        said = f"{found.message} and does not mark it dirty"
        yield found if write.declared else replace(found, message=said)
