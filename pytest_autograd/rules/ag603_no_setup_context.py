"""There is no setup_context.

torch.func transforms refuse a Function whose forward takes ctx.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.errors import NotApplicable
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
FIX = "Split forward: forward(*args) computes, setup_context(ctx, inputs, output) saves."
SKILL = "transforms/setup-context"


def find(probe: Probe) -> Iterator[Evidence]:
    """Look for setup_context, if transforms are asked for."""
    if not (probe.options.vmap or probe.options.forward_ad):
        raise NotApplicable("asked for by vmap=True or forward_ad=True")
    if not probe.run.has_setup_context:
        yield Evidence(
            "forward takes ctx and there is no setup_context: torch.func refuses this Function"
        )
