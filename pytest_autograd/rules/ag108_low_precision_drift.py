"""The gradient loses far more in low precision than it must.

Backward in float32, bfloat16 or float16 is compared with float64 on the same numbers, and with what
autograd loses through the same forward. Running sums in bfloat16 stop growing at 256 times the
term. A fifth of the gradient's size is an error, in whatever dtype the Function takes; so is a backward
that stops at a mismatch of dtypes in float32, which forward takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_autograd.rule import Evidence, raised

if TYPE_CHECKING:
    from pytest_autograd.facts.low_precision import Drift
    from pytest_autograd.facts.probe import Probe
    from pytest_autograd.report.model import Severity

SEVERITY: Severity = "warning"
DEAR = True
FIX = (
    "Accumulate in float32 (or the input's precision if that is higher), and cast the result once."
)
SKILL = "gradients/low-precision"
EXPLAINED_BY = ("AG309",)


def find(probe: Probe) -> Iterator[Evidence]:
    """Compare the dtype given with float64; at level full other dtypes too, also with long axes."""
    told = set()
    for found in (*probe.low_precision.wider, *probe.low_precision.given):
        told.add(found.argument)
        if found.raised is not None:
            yield _raises(probe, found, found.raised, "error")
        else:
            yield _evidence(probe, found, "error")
    if probe.options.level == "full":
        for found in probe.low_precision.others:
            severity = "error" if found.gross else SEVERITY
            if found.raised is not None and found.argument not in told:
                yield _raises(probe, found, found.raised, severity)
            elif found.argument not in told:
                yield _evidence(probe, found, severity)


def _name(found: Drift) -> str:
    return str(found.dtype).removeprefix("torch.")


def _raises(probe: Probe, found: Drift, error: Exception, severity: Severity) -> Evidence:
    what = f"backward raises in {_name(found)}{found.where.rstrip(',')}, and forward does not"
    return replace(raised(what, error, probe.source.of_backward), severity=severity)


def _evidence(probe: Probe, found: Drift, severity: Severity) -> Evidence:
    known = found.autograd_error is not None
    beside = f" (autograd through forward: {found.autograd_error:.1g})" if known else ""
    where = f"in {_name(found)}{found.where}"
    return Evidence(
        f"{where} the gradient of {found.argument} is off by {found.error:.1g} of its size{beside}",
        argument=found.argument,
        max_error=found.error,
        severity=severity,
        place=probe.source.of_gradient(found.argument),
    )
