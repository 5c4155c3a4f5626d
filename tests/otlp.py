"""A collector of OpenTelemetry for tests: takes spans over HTTP as any other, and keeps them."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATH = "/v1/traces"
INTERNAL, SERVER, CLIENT = 1, 2, 3


class SeenSpan(NamedTuple):
    """A span as it came."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    """Trace and span of each."""
    is_error: bool


class Collector:
    """Listens on a free port of this machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[SeenSpan] = []
        self.bodies: list[bytes] = []
        """What was sent, as it was sent."""
        self.is_refusing = False
        self.refused = 0
        """Requests whose spans were not taken."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_POST(self) -> None:
                """Take spans."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                is_taken = self.path == PATH and not collector.is_refusing
                if is_taken:
                    collector.take(body)
                else:
                    collector.refused += 1
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if is_taken else 400)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Listen no longer."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of a process that sends all its spans here, soon."""
        return {
            "C360_TRACING": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def take(self, body: bytes) -> None:
        """Keep the spans of a request."""
        found = list(_spans(ExportTraceServiceRequest.FromString(body)))
        with self._lock:
            self.bodies.append(body)
            self._spans += found

    def spans(self, name: str = "", trace_id: str = "") -> list[SeenSpan]:
        """What has come until now: of a name, of a trace."""
        with self._lock:
            return [
                one
                for one in self._spans
                if name in ("", one.name) and trace_id in ("", one.trace_id)
            ]


def _spans(request: Any) -> Any:
    for resource in request.resource_spans:
        service = _values(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield SeenSpan(
                    service,
                    span.name,
                    span.kind,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    _values(span.attributes),
                    [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                    span.status.code == 2,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
