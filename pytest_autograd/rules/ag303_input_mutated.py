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
FIX_OF_AN_OP = "Work on a copy; or name the argument in mutates_args, and register the formula for a pure op around it."
SKILL = "in-place/inputs"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the bytes of each input before and after forward; one that is declared is a note."""
    if probe.call.function is None:
        for name in probe.torch_checks.undeclared_writes:
            # about no argument alone: the gradients of the others are made from what it wrote, too
            what = f"the op writes to {name}, and its schema says that it does not"
            yield Evidence(what, fix=FIX_OF_AN_OP)
        return
    for write in probe.writes.inputs:
        found = written("forward", write, probe.source.of_mutation("forward"))
        said = f"{found.message} and does not mark it dirty"
        yield found if write.declared else replace(found, message=said)
