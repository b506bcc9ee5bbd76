"""The jvp is not the directional derivative of forward.

Forward-mode AD, jacfwd and Hessians by forward over reverse use jvp, which gradcheck leaves alone
by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.errors import TargetRaised
from pytest_autograd.places import class_place
from pytest_autograd.rule import Evidence, raised

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Derive jvp from forward: return one tangent per output, from save_for_forward, not "
    "save_for_backward."
)
SKILL = "transforms/jvp"
EXPLAINED_BY = ("AG101", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Judge jvp by finite differences along its tangent; where forward mode is asked for, note that there is none."""
    if probe.options.forward_ad and not probe.run.has_jvp:
        yield Evidence("no jvp: forward-mode AD raises on this Function", severity="note")
        return
    verdict = probe.transforms.jvp
    if isinstance(verdict, TargetRaised):
        yield raised("jvp raises", verdict.error, class_place(probe.source.function.jvp))
    elif verdict.status == "wrong":
        yield Evidence(
            "jvp is not the directional derivative of forward",
            expected=verdict.best.value,
            got=verdict.claimed,
            max_error=verdict.discrepancy,
            despite=() if probe.transforms.jvp_follows_backward else ("AG101",),
            place=class_place(probe.source.function.jvp),
        )
