"""The gradient loses far more in low precision than it must.

Backward in float32, bfloat16 or float16 is compared with float64 on the same numbers, and with what
autograd loses through the same forward. Running sums in bfloat16 stop growing at 256 times the
term. In the dtype that the call was given, a fifth of the gradient's size is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence

if TYPE_CHECKING:
    from pytest_autograd.facts.low_precision import Drift
    from pytest_autograd.facts.probe import Probe
    from pytest_autograd.report.model import Severity

SEVERITY: Severity = "warning"
FIX = (
    "Accumulate in float32 (or the input's precision if that is higher), and cast the result once."
)
SKILL = "gradients/low-precision"
EXPLAINED_BY = ("AG106",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the dtype given with float64; at level full other dtypes too, also with long axes."""
    told = set()
    for found in probe.low_precision.given:
        told.add(found.argument)
        yield _evidence(probe, found, "error")
    if probe.options.level == "full":
        for found in probe.low_precision.others:
            if found.argument not in told:
                yield _evidence(probe, found, SEVERITY)


def _evidence(probe: Probe, found: Drift, severity: Severity) -> Evidence:
    dtype = str(found.dtype).removeprefix("torch.")
    known = found.autograd_error is not None
    beside = f" (autograd through forward: {found.autograd_error:.1g})" if known else ""
    return Evidence(
        f"in {dtype}{found.where} the gradient of {found.argument} is off by {found.error:.1g} of its size{beside}",
        argument=found.argument,
        max_error=found.error,
        severity=severity,
        place=probe.source.of_gradient(found.argument),
    )
