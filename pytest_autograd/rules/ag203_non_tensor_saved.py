"""A non-tensor is passed to save_for_backward.

save_for_backward takes tensors and None only; torch raises when forward returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.diagnosis.ctx_attributes import is_tensor
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Keep numbers, shapes and other non-tensors as attributes: ctx.stride = stride."
SKILL = "ctx/non-tensors"


def find(probe: Probe) -> Iterator[Evidence]:
    """Look at what save_for_backward was given."""
    for save in probe.run.trace_or_error.saves:
        for position, value in enumerate(save.values):
            if value is not None and not is_tensor(value):
                kind = type(value).__name__
                yield Evidence(
                    f"save_for_backward is given a {kind} at position {position}", place=save.place
                )
