"""Spans and metrics by OpenTelemetry's API, which does nothing where no SDK is set up.

The SDK of MCP makes a span of each request; here are the verdict on it, the time in the queue and in
the check below it, and the metrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry import metrics, trace

from mcp_server.request import Checked, Failure
from mcp_server.service.fair_queue import Places

_NAME = "pytest-autograd"
OUTCOME = "autograd.outcome"


class Count:
    """What became of one check: the verdict, or why there is none."""

    def __init__(self) -> None:
        self.outcome = "cancelled"
        self.codes: tuple[str, ...] = ()

    def busy(self) -> None:
        """Note that the check was refused."""
        self.outcome = "busy"

    def answered(self, outcome: Checked | Failure) -> None:
        """Note the verdict; source that cannot be checked is not a fault of ours."""
        if isinstance(outcome, Checked):
            self.outcome = outcome.report.verdict
            self.codes = tuple(sorted(outcome.report.codes))
        else:
            self.outcome = "internal-error" if outcome.internal else "not-checked"


class Telemetry:
    """The instruments of one server."""

    def __init__(self, places: Places) -> None:
        meter = metrics.get_meter(_NAME)
        self._checks = meter.create_counter(
            "autograd.checks", "{check}", "Checks by verdict, or by why there is none"
        )
        self._seconds = meter.create_histogram(
            "autograd.check.duration", "s", "Time of a check, waiting included"
        )
        meter.create_observable_gauge(
            "autograd.checks.running", [_now(lambda: places.running)], "{check}", "Checks running"
        )
        meter.create_observable_gauge(
            "autograd.checks.waiting", [_now(lambda: places.waiting)], "{check}", "Checks waiting"
        )

    @contextmanager
    def counted(self) -> Iterator[Count]:
        """Count a check and its time, and put its outcome on the span of the request."""
        count, began = Count(), time.monotonic()
        try:
            yield count
        finally:
            outcome = {OUTCOME: count.outcome}
            self._checks.add(1, outcome)
            self._seconds.record(time.monotonic() - began, outcome)
            request = trace.get_current_span()
            request.set_attributes({**outcome, "autograd.codes": count.codes})


def span(name: str) -> AbstractContextManager[Any]:
    """Return a span below the current one."""
    return trace.get_tracer(_NAME).start_as_current_span(name)


def _now(value: Callable[[], int]) -> Callable[[Any], Iterable[metrics.Observation]]:
    return lambda options: [metrics.Observation(value())]
