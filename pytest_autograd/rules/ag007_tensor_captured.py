"""forward uses a tensor that wants a gradient without taking it as an argument.

A parameter reached through a closure, a module or a global is invisible to autograd: it never gets
a gradient, silently. Where backward runs forward again and adds to ``.grad`` itself, as checkpoints do, it is a note.
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
FED = "backward adds to its .grad by itself: not under torch.autograd.grad, and its value was not checked"


def find(probe: Probe) -> Iterator[Evidence]:
    """Watch which tensors forward touches, and whether backward feeds them all the same."""
    unseen = probe.unseen_tensors
    for tensor in unseen.captured:
        text = f"forward uses a tensor of shape {list(tensor.shape)} that requires grad and is not an argument"
        if any(tensor is fed for fed in unseen.fed_by_backward):
            yield Evidence(f"{text}; {FED}", severity="note")
        else:
            yield Evidence(text)
