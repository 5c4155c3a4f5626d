"""Logs never stop the work of which they tell."""

from __future__ import annotations

import errno
import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider

from services.runtime import tracing
from services.runtime.logging import configure_logging
from services.runtime.otel_spans import OtelSpans
from services.runtime.settings import LogSettings


class Failing(io.StringIO):
    """Standard error on a full disk, without a reader, or closed."""

    fault: Exception | None = None

    def write(self, text: str) -> int:
        """Raises the fault, if there is one."""
        if self.fault is not None:
            raise self.fault
        return super().write(text)


@pytest.fixture
def as_before() -> Iterator[None]:
    """Logs are as before afterwards."""
    before, handlers = structlog.get_config(), logging.root.handlers[:]
    yield
    structlog.configure(**before)
    logging.root.handlers[:] = handlers


@pytest.mark.usefixtures("as_before")
def test_a_line_names_the_trace_that_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours and those of libraries; outside of a span there is none to name."""
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    configure_logging(LogSettings(log_format="json"))
    tracing.switch(OtelSpans(TracerProvider(shutdown_on_exit=False)))
    try:
        with tracing.request("GET", None):
            trace_id = tracing.trace_id()
            structlog.get_logger().info("ours")
            logging.getLogger("library").warning("theirs")
        structlog.get_logger().info("outside")
    finally:
        tracing.switch(None)
    found = [json.loads(line).get("trace_id") for line in stderr.getvalue().splitlines()]
    assert len(trace_id) == 32
    assert found == [trace_id, trace_id, None]


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EFBIG, "File too large"),
        BrokenPipeError(),
        BlockingIOError(),
        ValueError("I/O operation on closed file"),
    ],
)
@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.usefixtures("as_before")
def test_a_line_that_cannot_be_written_is_lost(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, log_format: Literal["console", "json"]
) -> None:
    """Whoever logs does not notice; later lines are written again."""
    stderr = Failing()
    monkeypatch.setattr(sys, "stderr", stderr)
    configure_logging(LogSettings(log_format=log_format))
    log = structlog.get_logger()
    stderr.fault = fault
    log.error("store_takes_nothing", events=1)
    logging.getLogger("a library").warning("trouble")
    stderr.fault = None
    log.error("store_is_back")
    assert "store_is_back" in stderr.getvalue()
