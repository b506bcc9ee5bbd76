"""backward writes into .grad by itself.

An inner .backward() accumulates into the leaves, also under torch.autograd.grad: gradients are
counted twice or come from nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Use torch.autograd.grad inside backward, on detached inputs."
SKILL = "double-backward/inner-backward"


def find(probe: Probe) -> Iterator[Evidence]:
    """Ask for gradients by torch.autograd.grad and look at .grad."""
    name = probe.aliasing.polluted
    if name is not None:
        yield Evidence(
            f"backward writes into the .grad of {name}",
            argument=name,
            place=probe.source.of_backward,
        )
