"""forward uses a tensor that wants a gradient without taking it as an argument.

A parameter reached through a closure, a module or a global is invisible to autograd: it never gets
a gradient, silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Pass the tensor to apply and return its gradient; detach it if it is a constant."
SKILL = "template/captured-tensors"


def find(probe: Probe) -> Iterator[Evidence]:
    """Watch which tensors forward touches."""
    for shape in probe.unseen_tensors.captured:
        yield Evidence(
            f"forward uses a tensor of shape {shape} that requires grad and is not an argument"
        )
