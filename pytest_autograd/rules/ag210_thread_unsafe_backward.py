"""backward depends on the thread it runs in, or on what other threads do.

The engine runs backward of CUDA nodes in a thread of its own for each device, and several threads may
call backward at once. State of a thread is not there, and scratch space that all calls share is
overwritten in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, raised

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Read settings in forward and keep them on ctx; allocate scratch tensors in each call."
SKILL = "advanced/threads"
LEVEL = "full"
EXPLAINED_BY = ("AG206", "AG307")


def find(probe: Probe) -> Iterator[Evidence]:
    """Run backward in another thread, and with another call let in before each of its lines."""
    fault = probe.threads.difference
    if fault is None:
        return
    if fault.raised is not None:
        yield raised(f"backward raises {fault.where}", fault.raised, probe.source.of_backward)
    else:
        yield Evidence(
            f"the gradient of {fault.argument} is another one {fault.where}",
            argument=fault.argument,
            max_error=fault.error,
            place=probe.source.of_backward,
        )
