"""Autograd through forward would do as well.

The raw forward runs under autograd, gives the same gradient, and saves no more for backward.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.errors import NotApplicable
from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "note"
OPT_IN = True
FIX = (
    "Consider plain torch operations; a custom Function pays for fused kernels, less memory, "
    "stability or another gradient."
)
SKILL = "when-to-use/not-needed"


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare saved bytes with those of autograd through the raw forward."""
    values, trace = probe.numbers.first_order, probe.run.trace
    if not values.confirmed or probe.options.contract or probe.numbers.leaves_graph:
        raise NotApplicable("the gradient is not that of forward, or forward leaves autograd")
    own, plain = trace.saved_bytes, probe.saved_tensors.autograd_baseline
    if own >= plain.saved_bytes:
        seconds = plain.forward_seconds + plain.backward_seconds
        yield Evidence(
            f"autograd saves {plain.saved_bytes:,} bytes for the same forward, this Function {own:,} "
            f"(autograd takes {seconds * 1e6:.0f} us for both passes)"
        )
