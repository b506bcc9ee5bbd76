"""A call overwrites what an earlier call returned.

An output or gradient buffer that is allocated once and reused belongs to whoever holds the first
result: it changes under their hands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Allocate the result in each call: torch.empty_like(x)."
SKILL = "ctx/workspaces"


def find(probe: Probe) -> Iterator[Evidence]:
    """Call twice, forward and backward, and see whether the first results are still the same."""
    name = probe.state.reused_output
    if name is not None:
        yield Evidence(f"{name} of one call is overwritten by the next call", output=name)
    argument = probe.state.reused_gradient
    if argument is not None:
        yield Evidence(
            f"the gradient of {argument} is overwritten by the next backward",
            argument=argument,
            place=probe.source.of_gradient(argument),
        )
