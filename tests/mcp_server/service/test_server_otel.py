"""Spans and metrics, as a collector gets them."""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from serving import connected, cube

from mcp_server.service import otlp_export

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks the judges")


class Collected:
    """What a collector was sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, Metric] = {}
        self.services: set[str] = set()

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.services.add(attributes(resource.resource)["service.name"])
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        else:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    self.metrics |= {metric.name: metric for metric in scope.metrics}

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@contextmanager
def collecting() -> Iterator[tuple[Collected, str]]:
    class Pages(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            collected.take(self.path, gzip.decompress(body) if zipped else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *given: Any) -> None:
            pass

    collected = Collected()
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield collected, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def attributes(of: Any) -> dict[str, Any]:
    def value(given: Any) -> Any:
        kind = given.WhichOneof("value")
        if kind == "array_value":
            return [value(each) for each in given.array_value.values]
        return getattr(given, kind)

    return {each.key: value(each.value) for each in of.attributes}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """What a server sends of four calls, the last of it when its client has gone."""
    folder = tmp_path_factory.mktemp("otel")
    with collecting() as (collected, url):
        with connected(folder, "--otel", OTEL_EXPORTER_OTLP_ENDPOINT=url) as session:
            session.check(cube(), level="quick")
            session.check(cube(factor=2), level="quick")
            session.check("def", level="quick")
            session.call("explain_rule", code="AG101")
        return collected


def test_each_check_has_its_verdict_on_the_span_of_its_request(collected: Collected) -> None:
    checks = sorted(
        collected.named("tools/call check_function"), key=lambda s: s.start_time_unix_nano
    )
    told = [attributes(span) for span in checks]
    assert [each["autograd.outcome"] for each in told] == ["verified", "failed", "not-checked"]
    assert [each["autograd.codes"] for each in told] == [[], ["AG101"], []]
    assert len(collected.named("tools/call explain_rule")) == 1
    assert collected.services == {"autograd-mcp"}


def test_the_time_in_the_check_is_a_span_below(collected: Collected) -> None:
    requests = {span.span_id: span for span in collected.named("tools/call check_function")}
    parts = collected.named("autograd.check")
    assert {part.parent_span_id for part in parts} == set(requests)
    for part in parts:
        whole = requests[part.parent_span_id]
        assert whole.start_time_unix_nano <= part.start_time_unix_nano
        assert part.end_time_unix_nano <= whole.end_time_unix_nano


def test_checks_are_counted_by_outcome(collected: Collected) -> None:
    points = collected.metrics["autograd.checks"].sum.data_points
    counted = {attributes(point)["autograd.outcome"]: point.as_int for point in points}
    assert counted == {"verified": 1, "failed": 1, "not-checked": 1}
    seconds = collected.metrics["autograd.check.duration"].histogram.data_points
    assert sum(point.count for point in seconds) == 3
    assert all(point.sum > 0 for point in seconds)
    for name in ("autograd.checks.running", "autograd.checks.waiting"):
        (point,) = collected.metrics[name].gauge.data_points
        assert point.as_int == 0


def test_no_source_is_sent(collected: Collected) -> None:
    sent = b"".join(span.SerializeToString() for span in collected.spans)
    assert b"save_for_backward" not in sent


def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    with pytest.raises(
        otlp_export.NotInstalled, match=r"opentelemetry\.sdk\.metrics is missing; pip"
    ):
        otlp_export.start_exporting()


def test_a_collector_that_is_gone_does_not_keep_the_server(tmp_path: Path) -> None:
    gone = "http://127.0.0.1:9"
    with connected(tmp_path, "--otel", OTEL_EXPORTER_OTLP_ENDPOINT=gone) as session:
        assert session.report(cube(), level="quick").ok
    assert session.folders() == []
