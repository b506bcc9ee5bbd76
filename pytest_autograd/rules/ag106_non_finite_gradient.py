"""The gradient is NaN or infinite where forward is finite.

One such element turns every parameter into NaN at the next optimizer step. Usual causes: a division
by a norm or a square root at zero, an overflow in an intermediate of backward, 0 times infinity
behind a mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe

SEVERITY = "error"
FIX = (
    "Use a stable formula, clamp the denominator, and mask the inputs of the dangerous "
    "operation rather than its result."
)
SKILL = "gradients/finite-everywhere"
LEVEL = "full"
EXPLAINED_BY = ("AG101", "AG309")


def find(probe: Probe) -> Iterator[Evidence]:
    """Ask for gradients at zero, with zero rows, and at large and huge inputs."""
    for found in probe.non_finite.gradients:
        doubt = f" ({found.doubt})" if found.doubt else ""
        yield Evidence(
            f"the gradient of {found.argument} is not finite {found.where}, where forward is smooth enough{doubt}",
            severity="warning" if found.doubt else None,
            fix=f"{FIX} {probe.non_finite.way_out(found)}",
            argument=found.argument,
            index=found.index,
            got=found.got,
            place=probe.source.of_gradient(found.argument),
        )
