"""Compiled, the Function gives other results.

torch.compile traces forward and backward; side effects, state and unusual ctx use may be traced
away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, differing

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Keep forward and backward free of side effects and Python state, or exclude the call with "
    "torch.compiler.disable."
)
SKILL = "transforms/compile"
EXPLAINED_BY = ("AG309",)
LEVEL = "full"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare torch.compile (backend aot_eager) with eager."""
    found = probe.compilers.compiled
    if found is not None:
        yield differing(found, probe.source.of_backward)
