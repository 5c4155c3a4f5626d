"""Spans on their way to a collector: they arrive, and one that is away disturbs nobody."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time

import pytest
import structlog

from services.runtime import tracing
from services.runtime.logging import configure_logging
from services.runtime.settings import load_settings
from services.runtime.tracing import traced
from tests.e2e.runs import wait_for
from tests.otlp import SERVER, Collector


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are sent soon, and are given up soon."""
    monkeypatch.setenv("C360_TRACING", "true")
    monkeypatch.setenv("C360_LOG_FORMAT", "json")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")


def traces(count: int) -> None:
    """Make so many spans."""
    for _ in range(count):
        with tracing.request("GET", None) as span:
            span.answered("GET", "/v1/freshness", 200)


def test_spans_arrive_with_who_sent_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's name is ours unless the standard variables give one; all are sent at the
    end, in one of OTLP's own messages."""
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with traced(load_settings(), "c360-up"):
            traces(3)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-360")
        with traced(load_settings(), "c360-up"):
            traces(1)
    seen = collector.spans("GET /v1/freshness")
    assert [one.service for one in seen] == [*3 * ["c360-up"], "shop-360"]
    assert {one.kind for one in seen} == {SERVER}
    assert not tracing.is_on()


def test_a_ratio_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard sampler: about the share of requests that it says, and all whose sender is
    recorded."""
    trace = "f" * 32
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.1")
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with traced(load_settings(), "c360-up"):
            traces(1000)
            with tracing.request("GET", f"00-{trace}-{'1' * 16}-01".encode()):
                pass
    assert 50 < len(collector.spans()) < 170
    assert len(collector.spans(trace_id=trace)) == 1


@pytest.mark.parametrize("does_it_listen", [False, True], ids=["closed", "never-answers"])
def test_a_collector_that_is_away_disturbs_nobody(
    does_it_listen: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Spans cost nobody any time, one warning says that they are lost, and the end is bounded."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if not does_it_listen:
            listener.close()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        settings = load_settings()
        configure_logging(settings)
        lost = threading.Event()
        with traced(settings, "c360-up"):
            before = threading.active_count()
            traces(5_000)  # more than wait at most
            deadline = time.monotonic() + 20
            while not lost.is_set() and time.monotonic() < deadline:
                text = capfd.readouterr().err
                if "spans_are_lost" in text:
                    lost.set()
                    first = text
                else:
                    lost.wait(0.05)
            assert lost.is_set()
            traces(5_000)
            assert threading.active_count() == before
    lines = [json.loads(line) for line in (first + capfd.readouterr().err).splitlines()]
    assert [one["event"] for one in lines] == ["spans_are_lost"]
    assert lines[0]["level"] == "warning"
    structlog.reset_defaults()
    logging.basicConfig(force=True)


def test_a_collector_that_comes_back_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line for each change, and spans arrive again."""
    with Collector() as collector:
        collector.is_refusing = True
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        settings = load_settings()
        configure_logging(settings)
        with traced(settings, "c360-up"):
            traces(1)
            wait_for(lambda: collector.refused)
            collector.is_refusing = False
            traces(1)
            wait_for(collector.spans)
    said = capfd.readouterr().err  # once: what is written while it is read would be lost
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert events == ["spans_are_lost", "spans_are_taken_again"]
    assert collector.spans()
    structlog.reset_defaults()
    logging.basicConfig(force=True)
