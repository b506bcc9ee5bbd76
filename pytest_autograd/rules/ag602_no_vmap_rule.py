"""There is no vmap rule.

torch.vmap, jacrev and per-sample gradients raise on the Function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.errors import NotApplicable
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
FIX = (
    "Set generate_vmap_rule = True if forward and backward are torch operations, else write a "
    "vmap staticmethod."
)
SKILL = "transforms/vmap"


def find(probe: Probe) -> Iterator[Evidence]:
    """Look for a vmap rule, if one is asked for."""
    if not probe.options.vmap:
        raise NotApplicable("asked for by vmap=True")
    if not probe.run.has_vmap:
        yield Evidence("no vmap rule: torch.vmap raises on this Function")
