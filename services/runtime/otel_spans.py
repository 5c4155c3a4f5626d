"""Makes the spans of services/runtime/tracing.py with OpenTelemetry, and sends them by OTLP.

The one module that knows the library; it is loaded only when tracing is on. Attribute names come
from its own constants, for those of messaging are not stable yet. The global tracer provider stays
as it is: other libraries would write request paths and SQL into spans. Nothing here blocks its
callers, and no fault of a collector reaches them.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import Token, copy_context
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import structlog
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.semconv._incubating.attributes import messaging_attributes as messaging
from opentelemetry.semconv.attributes import (
    db_attributes,
    error_attributes,
    http_attributes,
    service_attributes,
)
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from services.runtime.errors import ConfigurationError
from services.runtime.tracing import (
    CARRIER_BYTES,
    HTTP_METHODS,
    LINKS_MAX,
    NO_SPAN,
    TRACEPARENT,
    OpenSpan,
)

P = ParamSpec("P")
T = TypeVar("T")
CARRIER_BYTES_MAX = 200
"""A longer header is none."""
READ_MAX = 4 * LINKS_MAX
"""Headers of one batch that are looked into, whatever is in them."""
ODD_DIGITS = frozenset(b"13579bdf")
"""Last digits of flags whose lowest bit is set: sampled."""
STOP_S = 5.0
"""How long the end of a process may wait for the collector."""
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
PROTOCOL_OF_TRACES = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
EXPORTER = "OTEL_TRACES_EXPORTER"
HTTP_PROTOBUF = "http/protobuf"
SERVER_ERROR = 500
Attributes = Mapping[str, AttributeValue]
_PROPAGATOR = TraceContextTextMapPropagator()
log = structlog.get_logger()


class RecordedSpan:
    """A span that is recorded; implements `OpenSpan`."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token: Token[Context] | None = None

    @property
    def header(self) -> dict[str, str]:
        """See OpenSpan."""
        return _header(self._span.get_span_context())

    def __enter__(self) -> Self:
        self._token = attach(set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Of an exception only its type is told: its text may quote values."""
        if self._token is not None:
            detach(self._token)
        if not self._span.is_recording():
            return
        if kind is not None:
            self._span.set_attribute(error_attributes.ERROR_TYPE, kind.__qualname__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    def answered(self, method: str, route: str, status: int) -> None:
        """See OpenSpan."""
        span = self._span
        if not span.is_recording():
            return
        attributes: dict[str, AttributeValue] = {http_attributes.HTTP_RESPONSE_STATUS_CODE: status}
        if route:
            span.update_name(f"{_method(method)} {route}")
            attributes[http_attributes.HTTP_ROUTE] = route
        if status >= SERVER_ERROR:
            attributes[error_attributes.ERROR_TYPE] = str(status)
            span.set_status(Status(StatusCode.ERROR))
        span.set_attributes(attributes)
        span.end()


class OtelSpans:
    """Implements `services.runtime.tracing.Spans`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("customer360")

    def request(self, method: str, carrier: bytes | None) -> OpenSpan:
        """See tracing.request."""
        attributes = {http_attributes.HTTP_REQUEST_METHOD: _method(method)}
        parent = _context_of(carrier) or Context()
        span = self._started(_method(method), SpanKind.SERVER, attributes, parent)
        return RecordedSpan(span) if span.is_recording() else NO_SPAN

    def batch(self, count: int, carriers: Iterable[bytes | None]) -> OpenSpan:
        """See tracing.batch."""
        counted = {messaging.MESSAGING_BATCH_MESSAGE_COUNT: count}
        return self._linked("batch", SpanKind.INTERNAL, counted, carriers)

    def received(self, topic: str, count: int, carriers: Iterable[bytes | None]) -> OpenSpan:
        """See tracing.received."""
        name, attributes = f"process {topic}".rstrip(), _messaging("process", topic, count)
        return self._linked(name, SpanKind.CONSUMER, attributes, carriers)

    def _linked(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        carriers: Iterable[bytes | None],
    ) -> OpenSpan:
        """A batch belongs to the trace of its first message that is recorded, and is linked to all:
        if one in a hundred requests is recorded, a batch that drew for itself would hardly ever be.
        """
        contexts = _recorded(carriers)
        parent = contexts[0] if contexts else Context()
        links = [Link(get_current_span(one).get_span_context()) for one in contexts]
        span = self._started(name, kind, attributes, parent, links)
        return RecordedSpan(span) if span.is_recording() else NO_SPAN

    def step(self, name: str) -> OpenSpan:
        """See tracing.step."""
        return self._part(name, SpanKind.INTERNAL, {})

    def sending(self, topics: Iterable[str], count: int) -> OpenSpan:
        """See tracing.sending."""
        if not get_current_span().is_recording():
            return NO_SPAN
        several = set(topics)
        topic = several.pop() if len(several) == 1 else ""
        attributes = _messaging("send", topic, count)
        return self._part(f"send {topic}".rstrip(), SpanKind.PRODUCER, attributes)

    def statement(self, operation: str, target: str, database: str) -> OpenSpan:
        """See tracing.statement."""
        if not get_current_span().is_recording():
            return NO_SPAN
        name = f"{operation} {target}".rstrip()
        attributes = {
            db_attributes.DB_SYSTEM_NAME: "clickhouse",
            db_attributes.DB_NAMESPACE: database,
            db_attributes.DB_OPERATION_NAME: operation,
            db_attributes.DB_QUERY_SUMMARY: name,
        }
        return self._part(name, SpanKind.CLIENT, attributes)

    def trace_id(self) -> str:
        """See tracing.trace_id."""
        span = get_current_span()
        return format_trace_id(span.get_span_context().trace_id) if span.is_recording() else ""

    def carrier(self) -> bytes | None:
        """See tracing.carrier."""
        span = get_current_span()
        header = _header(span.get_span_context()) if span.is_recording() else None
        return None if header is None else header[TRACEPARENT].encode()

    def carried(self, work: Callable[P, T]) -> Callable[P, T]:
        """See tracing.carried."""
        return partial(copy_context().run, work)

    def flush(self) -> None:
        """Send what waits. Blocks until the collector has answered, or not in time."""
        self._provider.force_flush()

    def stop(self, limit_s: float = STOP_S) -> None:
        """Send what is left, within a bounded time whatever the collector does."""
        ending = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
        ending.start()
        ending.join(limit_s)

    def _part(self, name: str, kind: SpanKind, attributes: Attributes) -> OpenSpan:
        if not get_current_span().is_recording():
            return NO_SPAN
        return RecordedSpan(self._started(name, kind, attributes, None))

    def _started(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        parent: Context | None,
        links: Sequence[Link] = (),
    ) -> Span:
        return self._tracer.start_span(
            name, parent, kind, attributes, links,
            record_exception=False, set_status_on_exception=False,
        )  # fmt: skip


class _ReportingExporter(SpanExporter):
    """Says once that a collector takes no spans, and once that it takes them again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_well = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See SpanExporter."""
        result = self._exporter.export(spans)
        is_well = result is SpanExportResult.SUCCESS
        if is_well != self._is_well:
            self._is_well = is_well
            if is_well:
                log.info("spans_are_taken_again")
            else:
                log.warning(
                    "spans_are_lost",
                    advice="the collector of OTEL_EXPORTER_OTLP_ENDPOINT takes none; nothing else "
                    "is affected",
                )
        return result

    def shutdown(self) -> None:
        """See SpanExporter."""
        self._exporter.shutdown()


def exported_spans(
    service: str, instance: str = "", environment: Mapping[str, str] = os.environ
) -> OtelSpans:
    """Spans that are sent where the standard variables of OpenTelemetry say.

    Raises ConfigurationError for a protocol or an exporter that is not supported, or a wrong value.
    """
    protocol = environment.get(PROTOCOL_OF_TRACES) or environment.get(PROTOCOL) or HTTP_PROTOBUF
    if protocol != HTTP_PROTOBUF:
        raise ConfigurationError(
            f"{PROTOCOL} is {protocol}: spans are sent by {HTTP_PROTOBUF} alone, to the port of a "
            "collector for it, usually 4318"
        )
    if environment.get(EXPORTER, "otlp") != "otlp":
        raise ConfigurationError(f"{EXPORTER} must be otlp; without C360_TRACING none are sent")
    try:
        provider = TracerProvider(resource=_resource(service, instance), shutdown_on_exit=False)
        exporter = _ReportingExporter(OTLPSpanExporter())
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except ValueError as error:
        raise ConfigurationError(f"the variables OTEL_… for tracing are wrong: {error}") from error
    # From here on, the library would report each fault with its trace: ours replaces that.
    for library in ("opentelemetry", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    return OtelSpans(provider)


def _resource(service: str, instance: str) -> Resource:
    """Who sends. What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes first."""
    ours = {
        service_attributes.SERVICE_NAME: service,
        service_attributes.SERVICE_INSTANCE_ID: instance or str(uuid.uuid4()),
    }
    given = OTELResourceDetector().detect().attributes
    return Resource.create({name: one for name, one in ours.items() if name not in given})


def _method(method: str) -> str:
    return method if method in HTTP_METHODS else "_OTHER"


def _header(span: SpanContext) -> dict[str, str]:
    ids = f"{span.trace_id:032x}-{span.span_id:016x}"
    return {TRACEPARENT: f"00-{ids}-{span.trace_flags:02x}"}


def _context_of(carrier: bytes | None) -> Context | None:
    """The context that a header names; None if it names none."""
    if not carrier or len(carrier) > CARRIER_BYTES_MAX:
        return None
    found = _PROPAGATOR.extract({TRACEPARENT: [carrier.decode("latin-1")]}, Context())
    return found or None


def _recorded(carriers: Iterable[bytes | None]) -> list[Context]:
    """The first contexts of messages that somebody records, each once."""
    found: list[Context] = []
    seen: set[bytes] = set()
    for carrier in carriers:
        if carrier is None or not _may_be_recorded(carrier) or carrier in seen:
            continue
        seen.add(carrier)
        context = _context_of(carrier)
        if context is not None:
            found.append(context)
        if len(found) == LINKS_MAX or len(seen) == READ_MAX:
            break
    return found


def _may_be_recorded(carrier: bytes) -> bool:
    """Its flags say so. Asked for every message, so that reading the others costs nothing."""
    return len(carrier) >= CARRIER_BYTES and carrier[CARRIER_BYTES - 1] in ODD_DIGITS


def _messaging(operation: str, topic: str, count: int) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        messaging.MESSAGING_SYSTEM: "kafka",
        messaging.MESSAGING_BATCH_MESSAGE_COUNT: count,
        messaging.MESSAGING_OPERATION_NAME: operation,
        messaging.MESSAGING_OPERATION_TYPE: operation,
    }
    if topic:
        attributes[messaging.MESSAGING_DESTINATION_NAME] = topic
    return attributes
