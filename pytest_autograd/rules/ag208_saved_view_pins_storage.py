"""A small saved view keeps a large storage alive.

A tensor is freed with its whole storage: as long as the view is saved, all of it stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "warning"
FIX = "Save a copy of the part that is needed: ctx.save_for_backward(x[:1].clone())."
SKILL = "memory/saved-views"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the bytes of each saved tensor with those of its storage."""
    for position, part, whole in probe.saved_tensors.pinning:
        yield Evidence(
            f"saved tensor {position} has {part:,} bytes and keeps a storage of {whole:,} bytes alive",
            place=probe.run.trace.saves[-1].place,
        )
