"""save_for_backward is called more than once.

The last call replaces the ones before it, silently: backward unpacks the wrong tensors, or too few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Call ctx.save_for_backward once, with everything that backward needs."
SKILL = "ctx/saving-once"


def find(probe: Probe) -> Iterator[Evidence]:
    """Count the calls of save_for_backward in one forward."""
    saves = probe.run.trace_or_error.saves
    if len(saves) > 1:
        kept, lost = len(saves[-1].values), sum(len(save.values) for save in saves[:-1])
        yield Evidence(
            f"save_for_backward is called {len(saves)} times: the last call replaces the others "
            f"({kept} tensors are kept, {lost} are lost)",
            place=saves[-1].place,
        )
