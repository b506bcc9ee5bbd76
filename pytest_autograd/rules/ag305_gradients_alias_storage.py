"""A returned gradient shares memory with something else.

Two gradients that are views of one buffer become two .grad of one memory: clipping or zeroing one
changes the other. A gradient that is a saved tensor, a parameter or a buffer on ctx is corrupted by
whoever edits the result of torch.autograd.grad.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Return tensors of their own: clone one of the two, or the buffer."
SKILL = "in-place/aliased-gradients"
EXPLAINED_BY = ("AG302",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Look at the .grad of the leaves after one backward, and at who else owns a returned gradient."""
    shared = probe.aliasing.shared_gradients
    if shared is not None:
        yield Evidence(
            f"the gradients of {shared[0]} and {shared[1]} share memory: editing one edits the other",
            argument=shared[1],
            place=probe.source.of_gradient(shared[1]),
        )
    kept = probe.aliasing.kept_gradient
    if kept is not None:
        yield Evidence(
            f"the gradient of {kept[0]} is the memory of {kept[1]}: an in-place edit of the gradient corrupts it",
            argument=kept[0],
            severity="warning",
            place=probe.source.of_gradient(kept[0]),
        )
