"""forward raises.

Nothing can be verified of a Function whose forward does not come back. Either the inputs do not suit it or
the code is broken; the message tells what was raised and at which line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, raised

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Mend the line that raises, or pass inputs that forward takes."
SKILL = "debugging/errors-in-forward"
EXPLAINED_BY = ("AG203", "AG204", "AG304")


def find(probe: Probe) -> Iterator[Evidence]:
    """Look at whether the observed call came back."""
    trace = probe.run.trace_or_error
    if trace.error is not None:
        after = " (torch refuses what forward did)" if trace.returned else ""
        yield raised(f"forward raises{after}", trace.error)
