"""Sending spans and metrics by OTLP over HTTP; the usual OTEL_* variables say where to."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

_EXPORTS_WITHIN = 3.0


class NotInstalled(Exception):
    """The packages that send are not there; the message names the extra."""


def start_exporting() -> Callable[[], None]:
    """Set up OpenTelemetry; return what sends the rest at the end, in a few seconds at most."""
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        message = f"--otel: {error.name} is missing; pip install 'pytest-autograd[mcp,otel]'"
        raise NotInstalled(message) from None
    from opentelemetry import metrics, trace

    os.environ.setdefault("OTEL_SERVICE_NAME", "autograd-mcp")
    resource = Resource.create()
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(meters)

    def shut_down() -> None:
        tracers.shutdown()
        meters.shutdown()

    def send_the_rest() -> None:
        # In a thread: a signal may have come while this one holds a lock that sending needs.
        sending = threading.Thread(target=shut_down, daemon=True)
        sending.start()
        sending.join(_EXPORTS_WITHIN)

    return send_the_rest
