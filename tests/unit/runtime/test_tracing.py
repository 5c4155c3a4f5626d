"""Spans: which there are, what they are linked to, and nothing at all when tracing is off."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from services.runtime import tracing
from services.runtime.errors import ConfigurationError
from services.runtime.otel_spans import OtelSpans, exported_spans
from services.runtime.settings import load_settings
from services.runtime.tracing import NO_SPAN, TRACEPARENT, carrier_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{SPAN}-01".encode()
UNSAMPLED = f"00-{TRACE}-{SPAN}-00".encode()
GARBAGE = (
    b"", b"\xff\xfe", b"00", SAMPLED[:-1], SAMPLED + b"-more", SAMPLED.upper(), b"0" * 10_000,
    b"ff" + SAMPLED[2:], f"00-{'0' * 32}-{SPAN}-01".encode(), "00-Anna-Müller-01".encode(),
)  # fmt: skip


@pytest.fixture
def seen() -> Iterator[InMemorySpanExporter]:
    """Spans of this process, all of them recorded unless a sender decided otherwise."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.switch(OtelSpans(provider))
    yield exporter
    tracing.switch(None)


def links(span: ReadableSpan) -> list[str]:
    """The ids of the spans that it is linked to."""
    return [f"{one.context.span_id:016x}" for one in span.links]


def test_off_is_the_same_nothing_everywhere() -> None:
    """No span, no header, no trace, and the work itself."""
    assert not tracing.is_on()
    assert tracing.request("GET", SAMPLED) is NO_SPAN
    assert tracing.batch(1, [SAMPLED]) is tracing.received("t", 1, [SAMPLED]) is NO_SPAN
    assert tracing.step("store") is tracing.sending(["t"], 1) is NO_SPAN
    assert tracing.statement("SELECT", "x.y", "c360") is NO_SPAN
    assert tracing.carried(len) is len
    assert (tracing.trace_id(), tracing.carrier(), NO_SPAN.header) == ("", None, None)


LOADED = """
import sys
from services.cli.app import app
from services.runtime.settings import load_settings
from services.runtime.tracing import traced
with traced(load_settings(), "c360-ingest"):
    import services.ingest.main, services.identity.main, services.consistency.main
print(sorted(name for name in sys.modules if name.split(".")[0] == "opentelemetry"))
"""


def test_off_loads_no_library(tmp_path: Path) -> None:
    """Neither the command line nor a worker loads anything of OpenTelemetry."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.stdout == "[]\n"


OF_FASTAPI = """
import sys
import fastapi, fastapi.middleware.cors
before = {name for name in sys.modules if name.startswith("opentelemetry")}
import services.intake.application
after = {name for name in sys.modules if name.startswith("opentelemetry")}
print(sorted(after - before), [name for name in after if ".sdk" in name or "exporter" in name])
"""


def test_the_web_framework_alone_loads_the_interface(tmp_path: Path) -> None:
    """FastAPI imports the interface of OpenTelemetry, always; with us comes nothing more."""
    done = subprocess.run(
        [sys.executable, "-c", OF_FASTAPI], capture_output=True, text=True, check=True,
        cwd=tmp_path, env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.stdout == "[] []\n"


def test_a_request_goes_on_with_its_senders_trace(seen: InMemorySpanExporter) -> None:
    """It is the child of the span that its header names; steps and statements are its children."""
    with tracing.request("POST", SAMPLED) as span:
        assert tracing.trace_id() == TRACE
        with tracing.step("store"), tracing.statement("INSERT", "touchpoints", "c360") as insert:
            carried = tracing.carrier()
            assert carried is not None
            assert insert.header == {TRACEPARENT: carried.decode()}
        span.answered("POST", "/v1/touchpoints", 200)
    insert_span, store, request = seen.get_finished_spans()
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == SPAN
    assert store.parent is not None
    assert store.parent.span_id == request.context.span_id
    assert carried.decode().split("-")[2] == f"{insert_span.context.span_id:016x}"
    assert request.name == "POST /v1/touchpoints"
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/touchpoints",
        "http.response.status_code": 200,
    }
    assert dict(insert_span.attributes or {}) == {
        "db.system.name": "clickhouse",
        "db.namespace": "c360",
        "db.operation.name": "INSERT",
        "db.query.summary": "INSERT touchpoints",
    }


@pytest.mark.parametrize("carrier", GARBAGE)
def test_a_header_that_names_no_span_is_none(carrier: bytes, seen: InMemorySpanExporter) -> None:
    """Whatever a sender writes there begins a trace of its own, and links to nothing."""
    for span in (tracing.request("GET", carrier), tracing.received("c360.edges", 1, [carrier])):
        with span:
            assert tracing.trace_id() not in ("", TRACE)
    assert all(not one.links and one.parent is None for one in seen.get_finished_spans())


def test_a_batch_is_linked_to_what_its_messages_come_from(seen: InMemorySpanExporter) -> None:
    """Each recorded span once, up to a bound, in order; the batch is in the trace of the first."""
    carriers = [f"00-{TRACE}-{number:016x}-01".encode() for number in range(1, 300)]
    with tracing.received("c360.edges", 9, [None, UNSAMPLED, *carriers, *carriers]):
        pass
    [batch] = seen.get_finished_spans()
    assert links(batch) == [f"{number:016x}" for number in range(1, tracing.LINKS_MAX + 1)]
    assert batch.parent is not None
    assert batch.parent.span_id == 1
    assert batch.name == "process c360.edges"
    assert dict(batch.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.batch.message_count": 9,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "c360.edges",
    }


def test_what_is_not_sampled_costs_nothing_further() -> None:
    """Without a recorded request there are no steps, no statements and no headers; a batch with one
    recorded message is recorded."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(ParentBased(ALWAYS_OFF), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.switch(OtelSpans(provider))
    try:
        assert tracing.request("GET", UNSAMPLED) is tracing.request("GET", None) is NO_SPAN
        assert tracing.received("c360.edges", 2, [None, UNSAMPLED]) is NO_SPAN
        assert tracing.step("store") is tracing.sending(["t"], 1) is NO_SPAN
        assert tracing.carrier() is None
        with tracing.batch(2, [UNSAMPLED, SAMPLED]):
            assert tracing.trace_id() == TRACE
    finally:
        tracing.switch(None)
    assert [one.name for one in exporter.get_finished_spans()] == ["batch"]


def test_an_error_is_told_by_its_type_alone(seen: InMemorySpanExporter) -> None:
    """Its text, which may quote a value, is nowhere in the span."""

    def fails() -> None:
        with tracing.request("GET", None), tracing.sending(["a", "b"], 2):
            raise ValueError("anna@example.com")

    with pytest.raises(ValueError, match="anna"):
        fails()
    for span in seen.get_finished_spans():
        assert (span.attributes or {})["error.type"] == "ValueError"
        assert not span.status.is_ok
        assert "anna" not in span.to_json()


def test_names_of_requests_are_bounded(seen: InMemorySpanExporter) -> None:
    """A method that somebody made up has one name; a path without a route has none."""
    with tracing.request("ANNA", None) as span:
        span.answered("ANNA", "", 405)
    with tracing.request("GET", None) as span:
        span.answered("GET", "", 500)
    made_up, failed = seen.get_finished_spans()
    assert (made_up.name, failed.name) == ("_OTHER", "GET")
    assert made_up.status.is_unset
    assert (failed.attributes or {})["error.type"] == "500"


def test_work_in_another_thread_is_a_part(seen: InMemorySpanExporter) -> None:
    """A step there is a child of the span here."""

    def work() -> None:
        with tracing.step("identity"):
            pass

    with tracing.batch(1, []):
        thread = threading.Thread(target=tracing.carried(work))
        thread.start()
        thread.join()
    step, batch = seen.get_finished_spans()
    assert step.parent is not None
    assert step.parent.span_id == batch.context.span_id


class Stuck(InMemorySpanExporter):
    """Of a collector that never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.may_end = threading.Event(), threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Answers when it is allowed to."""
        self.is_asked.set()
        self.may_end.wait()
        return super().export(spans)


def test_the_end_waits_for_no_collector_for_ever() -> None:
    """Spans that it does not take are given up."""
    provider, stuck = TracerProvider(shutdown_on_exit=False), Stuck()
    provider.add_span_processor(BatchSpanProcessor(stuck))
    spans = OtelSpans(provider)
    with spans.request("GET", None):
        pass
    spans.stop(0.01)
    assert stuck.is_asked.wait(10)
    stuck.may_end.set()


def test_the_first_header_of_a_record_counts() -> None:
    """Whatever else stands beside it."""
    headers = [("ce_id", b"1"), (TRACEPARENT, b"a"), (TRACEPARENT, b"b")]
    assert carrier_of(headers) == b"a"
    assert carrier_of([]) is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "http/protobuf"),
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, "must be otlp"),
    ],
)
def test_what_cannot_be_sent_is_refused(environment: dict[str, str], message: str) -> None:
    """Another protocol or exporter stops the start, with what there is instead."""
    with pytest.raises(ConfigurationError, match=message):
        exported_spans("c360-up", environment=environment)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched on without the extra, the start ends with the command that installs it."""
    monkeypatch.delitem(sys.modules, "services.runtime.otel_spans")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.setenv("C360_TRACING", "true")
    settings = load_settings()
    with (
        pytest.raises(ConfigurationError, match=r"pip install 'customer360\[otel\]'"),
        tracing.traced(settings, "c360-up"),
    ):
        pass
