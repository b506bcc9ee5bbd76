"""backward returns too few or too many gradients.

It must return exactly one value for each argument of forward (ctx not counted), None for those that have no gradient.
The engine raises at the first backward pass; only surplus trailing Nones are let through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Return one value per argument of forward, in the same order, with None for non-tensors."
SKILL = "template/one-gradient-per-input"


def find(probe: Probe) -> Iterator[Evidence]:
    """Count what backward returned before the engine saw it."""
    run = probe.run.returned_backward
    wanted, returned = len(run.needs_input_grad), len(run.returned)
    surplus = any(value is not None for value in run.returned[wanted:])
    if returned < wanted or surplus:
        place = probe.source.of_gradient("")
        yield Evidence(
            f"backward returns {returned} gradient{'s' * (returned != 1)}, forward takes {wanted} "
            f"argument{'s' * (wanted != 1)}",
            expected=wanted,
            got=returned,
            place=place,
        )
