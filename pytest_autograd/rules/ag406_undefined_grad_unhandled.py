"""backward fails when one of the outputs is not used.

With set_materialize_grads(False) the gradient of an unused output is None, in ordinary use of a
Function with several outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, breaking

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = "Test each grad for None before using it, or leave materialisation on."
SKILL = "ctx/undefined-gradients"
EXPLAINED_BY = ("AG309",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Use one output at a time."""
    found = probe.partial_gradients.undefined_grads
    if found is not None:
        yield breaking("backward", found, probe.source.of_backward)
