"""A gradient leaves by another door than what backward returns.

Backward adds to a tensor that hangs on an argument, such as ``weight.main_grad``, as fused accumulation does; what is
added is judged as the gradient. It must be added, whatever was there before: overwriting loses earlier micro-batches.
Returning it as well counts it twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.probe import Probe
    from pytest_autograd.report.model import Severity

SEVERITY: Severity = "note"
FIX = (
    "Add with add_() or an accumulating product, never copy_(); declare accumulates={argument: attribute} where it is "
    "meant."
)
SKILL = "gradients/leaving-elsewhere"
TOLERANCE = 1e-6


def find(probe: Probe) -> Iterator[Evidence]:
    """Run backward with other values in the tensors that hang on the arguments."""
    for found in probe.other_doors.accumulations:
        where = f"{found.argument}.{found.attribute}"
        if found.error > max(TOLERANCE, probe.numbers.tolerance):
            yield Evidence(
                f"what backward leaves in {where} depends on what was there before: it is not added",
                argument=found.argument,
                max_error=found.error,
                severity="error",
                place=probe.source.of_backward,
            )
        elif found.twice:
            yield Evidence(
                f"the gradient of {found.argument} is added to {where} and returned too: it counts twice",
                argument=found.argument,
                severity="error",
                fix="Return None, or a dummy where a hook expects a gradient, once the gradient was added.",
                place=probe.source.of_backward,
            )
        elif (probe.options.accumulates or {}).get(found.argument) != found.attribute:
            yield Evidence(
                f"the gradient of {found.argument} is added to {where}, and judged there",
                argument=found.argument,
                place=probe.source.of_backward,
            )
