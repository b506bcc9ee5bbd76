"""With inputs frozen, forward or backward raises, or other gradients change.

Freezing layers is ordinary fine-tuning. Usual causes: a wrong index into needs_input_grad, or a
tensor that is saved under one condition and used under another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, breaking, raised

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Index needs_input_grad by the place of the argument in forward, ctx not counted, and save "
    "what is used under the same condition."
)
SKILL = "ctx/frozen-inputs"
EXPLAINED_BY = ("AG309",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Freeze every subset of the differentiated inputs."""
    for found in probe.partial_gradients.frozen_inputs:
        if found.where.endswith(", forward") and found.raised is not None:
            where = found.where.removesuffix(", forward")
            yield raised(f"forward raises {where}", found.raised, probe.source.of_target)
        else:
            yield breaking("backward", found, probe.source.of_backward)
